"""What the savers of all tasks share: the files that every folder has, written whole or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft import storage
from kerasft.bundle import contents
from kerasft.bundle.card import section
from kerasft.bundle.contents import Manifest
from kerasft.bundle.manifest import is_ours, seal
from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np


@contextmanager
def new_folder(
    destination: str | Path,
    manifest: Manifest,
    *,
    config_yaml: str,
    card: str,
    report: Callable[[Path], object] | None,
) -> Iterator[Path]:
    """Yields an empty folder for the task's own files, then adds the others and puts it in place.

    Args:
        destination: The folder to write; it may exist if it is empty or a saved folder.
        manifest: What `bundle.json` is to say, without the files.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added.
        report: Called with the folder `report/` to write plots and metrics into it.

    Raises:
        ConfigError: The folder cannot be written.
    """
    with storage.write_folder(destination, is_ours=is_ours) as folder:
        yield folder
        (folder / contents.CONFIG).write_text(config_yaml, encoding="utf-8")
        (folder / contents.CARD).write_text(_complete(card, manifest), encoding="utf-8")
        if report is not None:
            (folder / contents.REPORT).mkdir()
            report(folder / contents.REPORT)
        seal(folder, manifest)


def write_weights(tensors: Mapping[str, np.ndarray], file: Path) -> None:
    """Writes tensors as safetensors.

    Raises:
        ConfigError: Some are not numbers any more.
    """
    import numpy as np
    import safetensors.numpy

    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ConfigError(
                f"the weights {name} hold NaN or infinity, so the model is not saved; "
                "train it with a smaller learning rate"
            )
    # "pt" is what transformers wants to read there; it says how the tensors are laid out.
    safetensors.numpy.save_file(dict(tensors), file, metadata={"format": "pt"})


def versions() -> dict[str, str]:
    """Package -> version of what made the weights, for people who look into it later."""
    import platform
    from importlib.metadata import version

    from kerasft import __version__, backends

    choice = backends.check()
    return {
        "kerasft": __version__,
        "keras": version("keras"),
        "keras-hub": version("keras-hub"),
        choice.name: backends.current().version(),
        "tokenizers": version("tokenizers"),
        "python": platform.python_version(),
    }


def check_length(max_length: int, positions: int) -> None:
    """Refuses a `max_length` that the model has no positions for.

    Raises:
        ConfigError: It is not 1 to `positions`.
    """
    if not 1 <= max_length <= positions:
        raise ConfigError(f"max_length is {max_length}, but the model takes 1 to {positions}")


def check_vocabulary(size: int, rows: int, whose: str = "the tokenizer") -> None:
    """Refuses a tokenizer with more tokens than the model has rows for.

    Raises:
        ConfigError: `size` is more than `rows`; the sentence begins with `whose`.
    """
    if size > rows:
        raise ConfigError(f"{whose} has {size} tokens, but the model only {rows}")


def _complete(card: str, manifest: Manifest) -> str:
    use = '## Use\n\n    python -m kerasft.predict FOLDER "A text."'
    return "\n\n".join([card.rstrip(), use, section("Versions", manifest.versions)]) + "\n"
