"""The folder that a run can go on from: what it holds, and reading and writing it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.errors import ConfigError

FACTS, TENSORS = "checkpoint.json", "checkpoint.safetensors"
KIND = "kerasft checkpoint"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """Everything that makes a stopped run go on as if it had not been stopped.

    Attributes:
        fingerprint: What must be the same in the run that goes on (JSON).
        epoch: The epoch that is running or comes next, from 0.
        batch: How many of its batches are done.
        stopped: Whether early stopping ended the run.
        backend: The backend that wrote it.
        states: What the stateful callbacks keep, by their names (JSON).
        tensors: All arrays, by "model/...", "optimizer/...", "metrics/..." or "CALLBACK/...".
    """

    fingerprint: dict[str, Any]
    epoch: int
    batch: int
    stopped: bool
    backend: str
    states: dict[str, dict[str, Any]]
    tensors: dict[str, np.ndarray]

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays below a prefix, without it."""
        start = f"{prefix}/"
        return {k[len(start) :]: v for k, v in self.tensors.items() if k.startswith(start)}


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The value as it comes back from a JSON file (tuples become lists, paths text)."""
    return json.loads(json.dumps(dict(value), default=str))


def is_checkpoint(directory: Path) -> bool:
    """Whether a folder is a checkpoint that kerasft wrote."""
    try:
        facts = storage.read_json(directory / FACTS, ConfigError)
    except ConfigError:
        return False
    return isinstance(facts, dict) and facts.get("kind") == KIND


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder whole, in the place of the former one, which stays if this is cut off.

    Raises:
        ConfigError: The folder cannot be written, or holds something else.
    """
    from safetensors.numpy import save_file

    facts = asdict(checkpoint)
    tensors = {k: np.ascontiguousarray(v).reshape(v.shape) for k, v in facts.pop("tensors").items()}
    with storage.write_folder(directory, is_ours=is_checkpoint) as folder:
        save_file(tensors, folder / TENSORS)
        storage.write_json(
            folder / FACTS, {"kind": KIND, "format_version": FORMAT_VERSION, **facts}
        )


def read_facts(directory: Path, option: str = "--resume") -> dict[str, Any]:
    """Reads all but the arrays.

    Args:
        directory: The checkpoint.
        option: What asked for it, for the sentence that refuses it.

    Raises:
        ConfigError: The folder is no checkpoint, or one of another format version.
    """
    facts = storage.read_json(directory / FACTS, ConfigError)
    if not isinstance(facts, dict) or facts.get("kind") != KIND:
        raise ConfigError(f"{directory} is not a checkpoint of kerasft.")
    if facts.get("format_version") != FORMAT_VERSION:
        raise ConfigError(
            f"The checkpoint {directory} has the format version {facts.get('format_version')}, but "
            f"this version of kerasft reads {FORMAT_VERSION}; start afresh without {option}."
        )
    return facts


def read(directory: Path, option: str = "--resume") -> Checkpoint:
    """Reads the whole folder.

    Args:
        directory: The checkpoint.
        option: What asked for it, for the sentence that refuses it.

    Raises:
        ConfigError: It is no checkpoint, or a broken one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    facts = read_facts(directory, option)
    try:
        tensors = load_file(directory / TENSORS)
        del facts["kind"], facts["format_version"]
        return Checkpoint(**facts, tensors=tensors)
    except (OSError, SafetensorError, TypeError) as error:
        raise ConfigError(
            f"The checkpoint {directory} is broken ({error}); start afresh without {option}."
        ) from error


def remove(directory: Path) -> None:
    """Removes a checkpoint; a folder that is none stays."""
    if not is_checkpoint(directory):
        return
    # The file that marks the folder as ours goes last, so that a rest would be known as ours.
    for path in directory.iterdir():
        if path.name != FACTS:
            path.unlink() if not path.is_dir() else shutil.rmtree(path)
    (directory / FACTS).unlink()
    directory.rmdir()


def check_fingerprint(
    directory: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any], option: str = "--resume"
) -> None:
    """Refuses a checkpoint of a run with other settings.

    Args:
        directory: The checkpoint.
        theirs: Its settings.
        ours: Those of this run.
        option: What asked for it, for the sentence that refuses it.

    Raises:
        ConfigError: Names every setting that differs, with both values.
    """
    absent = "absent"
    names = [*ours, *(name for name in theirs if name not in ours)]
    differing = [
        f"{name} ({_short(theirs.get(name, absent))} there, {_short(ours.get(name, absent))} here)"
        for name in names
        if theirs.get(name, absent) != ours.get(name, absent)
    ]
    if differing:
        raise ConfigError(
            f"The checkpoint {directory} was made with another {', '.join(differing)}; give the "
            f"same settings, or start afresh without {option}."
        )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:24]}..."
