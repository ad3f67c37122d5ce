"""The pooling of a sentence-transformers directory: `1_Pooling/config.json`."""

from pathlib import Path
from typing import Any

from kerasft.architectures import Pooling
from kerasft.errors import PresetError
from kerasft.storage import read_json

POOLING_FILE = "1_Pooling/config.json"
# The modes of sentence-transformers that a head of ours can read.
_OURS: dict[str, Pooling] = {"cls": "first", "cls_token": "first", "mean": "mean",
                             "mean_tokens": "mean"}  # fmt: skip
_FLAG = "pooling_mode_"


def read_pooling(directory: Path, hidden_size: int) -> tuple[Pooling, str]:
    """Reads the pooling of the model in a directory.

    Args:
        directory: Of a model; the file is optional.
        hidden_size: Width of the encoder's hidden states.

    Returns:
        What a head reads, and why. For unsupported modes it is the first token, and the reason says
        so.

    Raises:
        PresetError: The file is broken.

    Example:
        >>> read_pooling(Path("all-MiniLM-L6-v2"), 384)
        ('mean', 'as 1_Pooling/config.json says')
    """
    path = directory / POOLING_FILE
    if not path.is_file():
        return "first", "as transformers' own heads do"
    config = read_json(path, PresetError)
    if not isinstance(config, dict):
        raise PresetError(f"{path} must hold a JSON object")
    width = config.get("word_embedding_dimension", config.get("embedding_dimension", hidden_size))
    if width != hidden_size:
        raise PresetError(
            f"{path} is of a model of width {width!r}, but config.json says {hidden_size}; they do "
            "not belong together"
        )
    modes = _modes(config, path)
    if len(modes) == 1 and modes[0] in _OURS:
        return _OURS[modes[0]], f"as {POOLING_FILE} says"
    said = " with ".join(modes) or "none"
    return "first", f"since kerasft lacks the pooling that {POOLING_FILE} asks for ({said})"


def _modes(config: dict[str, Any], path: Path) -> list[str]:
    """The modes whose vectors are put side by side: a name or names, or a flag for each."""
    if "pooling_mode" in config:
        named = config["pooling_mode"]
        names = [named] if isinstance(named, str) else named
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise PresetError(f"{path}: pooling_mode must be a name or names, not {named!r}")
        return names
    flags = {key.removeprefix(_FLAG): on for key, on in config.items() if key.startswith(_FLAG)}
    if not flags:
        raise PresetError(f"{path} names no pooling_mode; fetch it again")
    for name, on in flags.items():
        if not isinstance(on, bool):
            raise PresetError(f"{path}: {_FLAG}{name} must be true or false, not {on!r}")
    return [name for name, on in flags.items() if on]
