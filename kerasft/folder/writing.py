"""What the savers of all tasks share: the files that every folder has, written whole or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft import storage
from kerasft.errors import ConfigError, attempt
from kerasft.folder import contents
from kerasft.folder.card import section
from kerasft.folder.contents import Manifest
from kerasft.folder.manifest import is_ours, read, seal

if TYPE_CHECKING:
    import numpy as np


Report = Callable[[Path], Sequence[str] | None]
"""What writes a report into the folder it is called with, and may return what of it failed."""


@contextmanager
def new_folder(
    destination: str | Path,
    manifest: Manifest,
    *,
    config_yaml: str,
    card: str,
    report: Report | None,
) -> Iterator[Path]:
    """Yields an empty folder for the task's own files, then adds the others and puts it in place.

    Args:
        destination: The folder to write; it may exist if it is empty or a saved folder.
        manifest: What `manifest.json` is to say, without the files.
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added.
        report: Called with the folder `report/` to write plots and metrics into it; its failure is
            a sentence of the card.

    Raises:
        ConfigError: The folder cannot be written.
    """
    with storage.write_folder(destination, is_ours=is_ours) as folder:
        yield folder
        (folder / contents.CONFIG).write_text(config_yaml, encoding="utf-8")
        failures = write_reports(folder, [] if report is None else [report])
        if failures:
            card = f"{card.rstrip()}\n\n{section('Not made', failures)}"
        write_card(folder, card, manifest)
        seal(folder, manifest)


@contextmanager
def changed_folder(folder: Path, before: Manifest, *, without: Container[str]) -> Iterator[Path]:
    """Yields a new folder with the files of a saved one, whose place it takes if all goes well.

    The files are hard links where the file system has them. Whoever adds to them seals the folder.

    Args:
        folder: The saved folder.
        before: Its manifest.
        without: Paths of the files that are left out; so is `manifest.json`.

    Raises:
        ConfigError: The folder cannot be written, or was replaced meanwhile.
    """
    with storage.write_folder(folder, is_ours=is_ours) as new:
        for name in before.files:
            if name not in without:
                (new / name).parent.mkdir(parents=True, exist_ok=True)
                _same_file(folder / name, new / name)
        yield new
        if read(folder) != before:
            raise ConfigError(
                f"{folder} was replaced while this was added to it; run the command again"
            )


def write_reports(folder: Path, reports: Sequence[Report]) -> list[str]:
    """Writes reports into the `report/` of a folder; returns what of them failed, in sentences."""
    failures: list[str] = []
    for report in reports:
        (folder / contents.REPORT).mkdir(exist_ok=True)
        with attempt("The report", failures):
            failures += report(folder / contents.REPORT) or ()
    return failures


def write_card(folder: Path, card: str, manifest: Manifest) -> None:
    """Writes the README.md of a folder: a card, the way to predict, versions, exports."""
    use = '## Use\n\n    kerasft predict FOLDER "A text."'
    versions = section("Versions", manifest.versions)
    text = "\n\n".join([card.rstrip(), use, versions, *export_sections(manifest)]) + "\n"
    # The card is UTF-8, also where a path in it is not.
    (folder / contents.CARD).write_text(storage.utf8(text), encoding="utf-8")


def export_sections(manifest: Manifest) -> list[str]:
    """The sections of a card on the folder's exports."""
    return [
        section(
            f"Export {format}", {name.replace("_", " "): value for name, value in facts.items()}
        )
        for format, facts in manifest.exports.items()
    ]


def _same_file(source: Path, target: Path) -> None:
    """A second name for a file; a copy where there is no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write_weights(tensors: Mapping[str, np.ndarray], file: Path) -> None:
    """Writes tensors as safetensors.

    Raises:
        ConfigError: Some are not numbers any more.
    """
    import numpy as np

    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise ConfigError(
                f"the weights {name} hold NaN or infinity, so the model is not saved; "
                "train it with a smaller learning rate"
            )
    storage.write_tensors(tensors, file)


def versions() -> dict[str, str]:
    """Package -> version of what made the weights, for people who look into it later."""
    import platform
    from importlib.metadata import version

    from kerasft import __version__, backends

    choice = backends.check()
    return {
        "kerasft": __version__,
        "keras": version("keras"),
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
