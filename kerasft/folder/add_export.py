"""Adds the model in a foreign format to a saved folder, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError
from kerasft.folder import contents
from kerasft.folder.contents import Manifest
from kerasft.folder.export_files import EXPORT, EXPORT_FILES, export_paths
from kerasft.folder.manifest import read, seal, verify
from kerasft.folder.writing import changed_folder, export_sections


def add_export(
    path: str | Path, format: str, write: Callable[[Path], Mapping[str, Any]]
) -> Manifest:
    """Writes `export/<format>/` of a saved folder; an earlier one is replaced.

    The folder is built anew beside itself and then swapped (`writing.changed_folder`): after a
    kill, at any moment, it is the folder without the export or the one with it. The card gets a
    section with the facts.

    Args:
        path: The folder.
        format: A key of `EXPORT_FILES` that its task has.
        write: Called with an empty folder, to put there the files that `export_files` lists for the
            format; returns the facts for `manifest.json` and the card, as JSON can hold them. What
            it raises leaves the folder as it was.

    Returns:
        The new manifest.

    Raises:
        FolderError: The folder is broken.
        ConfigError: There is no such format, the folder cannot be written, or it was saved anew
            meanwhile.

    Example:
        >>> add_export("saved_models/run", "onnx", write).exports
        {'onnx': {'opset': 17, ...}}
    """
    folder = Path(path)
    before = verify(folder)
    if format not in EXPORT_FILES:
        raise ConfigError(f"there is no export {format}; there is {', '.join(EXPORT_FILES)}")
    with changed_folder(folder, before, without={contents.CARD, *export_paths([format])}) as new:
        place = new / EXPORT / format
        place.mkdir(parents=True)
        after = replace(before, exports={**before.exports, format: dict(write(place))})
        card = (folder / contents.CARD).read_text(encoding="utf-8")
        parts = card.rstrip().split("\n\n## ")
        kept = [part for part in parts if not part.startswith("Export ")]
        sections = ["\n\n## ".join(kept), *export_sections(after)]
        (new / contents.CARD).write_text("\n\n".join(sections) + "\n", encoding="utf-8")
        seal(new, after)
    return read(folder)
