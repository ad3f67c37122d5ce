"""Checking a folder for another engine than Keras: its files, its export, its model's shape."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerasft.bundle import contents
from kerasft.bundle.contents import Manifest, Reader
from kerasft.bundle.export_files import export_paths
from kerasft.bundle.manifest import OfTask, verify_task
from kerasft.errors import BundleError

MAX_VOCABULARY = 4_000_000


def verify_export(folder: Path, kind: type[OfTask], format: str, files: Sequence[str]) -> OfTask:
    """Checks the hashes of an export and of what is read beside it.

    The weights that Keras reads are not hashed: nobody reads them here.

    Args:
        folder: The saved folder.
        kind: The manifest of the task that it must be of.
        format: Which of its exports.
        files: What is read beside the export.

    Raises:
        BundleError: A file is missing or changed, the folder is of another task, or has no such
            export.
    """
    manifest = verify_task(folder, kind, hashed=(*files, *export_paths([format])))
    if format not in manifest.exports:
        raise BundleError(
            f"{folder} has no export {format}; `python -m kerasft.export {folder} --engine "
            f"{format}` makes it."
        )
    return manifest


def whole_argument(folder: Path, manifest: Manifest, name: str, low: int, high: int) -> int:
    """A whole number among the model's arguments.

    Raises:
        BundleError: There is none of that name, or it is out of range.
    """
    file = folder / contents.MANIFEST
    if name not in manifest.arguments:
        raise BundleError(f"{file}: arguments has no {name!r}.")
    return Reader(manifest.arguments, file).whole(name, low, high)
