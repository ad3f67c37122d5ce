"""Adds the model in a foreign format to a saved folder, whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.bundle import contents
from kerasft.bundle.card import section
from kerasft.bundle.contents import Manifest
from kerasft.bundle.export_files import EXPORT, export_paths
from kerasft.bundle.manifest import is_ours, read, seal, verify
from kerasft.errors import ConfigError

HEADING = "Export"  # of the card's sections, the format behind it


def add_export(
    path: str | Path, format: str, write: Callable[[Path], Mapping[str, Any]]
) -> Manifest:
    """Writes `export/<format>/` of a saved folder; an earlier one is replaced.

    The folder is built anew beside itself, its files as hard links where the file system has them,
    and then swapped (see `storage.write_folder`): after a kill, at any moment, it is the folder
    without the export or the one with it. The card gets a section with the facts.

    Args:
        path: The folder.
        format: One of its task's `formats`.
        write: Called with an empty folder, to put there the files that `export_files` lists for the
            format; returns the facts for `bundle.json` and the card, as JSON can hold them. What it
            raises leaves the folder as it was.

    Returns:
        The new manifest.

    Raises:
        BundleError: The folder is broken.
        ConfigError: Its task has no such format, it cannot be written, or it was saved anew
            meanwhile.

    Example:
        >>> add_export("saved_models/run", "onnx", write).exports
        {'onnx': {'opset': 17, ...}}
    """
    folder = Path(path)
    before = verify(folder)
    if format not in before.formats:
        raise ConfigError(f"{folder} holds a model for {before.task}, which has no export {format}")
    with storage.write_folder(folder, is_ours=is_ours) as new:
        for name in before.files.keys() - {contents.CARD, *export_paths([format])}:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            _same_file(folder / name, new / name)
        place = new / EXPORT / format
        place.mkdir(parents=True)
        exports = {**before.exports, format: dict(write(place))}
        card = (folder / contents.CARD).read_text(encoding="utf-8")
        (new / contents.CARD).write_text(_with_sections(card, exports), encoding="utf-8")
        seal(new, replace(before, exports=exports))
        if read(folder) != before:
            raise ConfigError(f"{folder} was saved anew while its export was made; export it again")
    return read(folder)


def _same_file(source: Path, target: Path) -> None:
    """A second name for a file; a copy where there is no such thing."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _with_sections(card: str, exports: Mapping[str, Mapping[str, Any]]) -> str:
    """The card with a section for each export at its end, in place of those that it had."""
    parts = card.rstrip().split("\n\n## ")
    kept = [part for part in parts if not part.startswith(f"{HEADING} ")]
    sections = [
        section(
            f"{HEADING} {format}", {name.replace("_", " "): value for name, value in facts.items()}
        )
        for format, facts in exports.items()
    ]
    return "\n\n".join(["\n\n## ".join(kept), *sections]) + "\n"
