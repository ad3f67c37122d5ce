"""A saved folder whose files were read once, and checked as they were read.

Checking a file and then opening it by its name again would read whatever stands there by then. So
what is loaded of a folder is kept in memory from the moment its hash is computed until it is used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from kerasft import backends, storage
from kerasft.errors import FolderError
from kerasft.folder import contents
from kerasft.folder.contents import Manifest
from kerasft.folder.export_files import EXPORT
from kerasft.folder.manifest import check_files, read

KERAS = "keras"


class Opened:
    """The manifest of a folder and the contents of the files that an engine needs.

    Args:
        path: The folder.
        manifest: What its `manifest.json` says.
        engine: What the files are for.
        files: Path inside the folder -> all of the file.

    Attributes:
        path: As above, like `manifest` and `engine`.
    """

    def __init__(
        self, path: Path, manifest: Manifest, engine: str, files: dict[str, bytes]
    ) -> None:
        self.path, self.manifest, self.engine = path, manifest, engine
        self._files = files

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def take(self, name: str) -> bytes:
        """The contents of a file, which are not kept here any longer."""
        return self._files.pop(name)

    def copy(self, engine: str | None = None, more: Mapping[str, bytes] | None = None) -> Opened:
        """The same folder once more, with all that is kept of it now.

        Args:
            engine: What the files are for; as here, if None.
            more: Files of that engine, which are not in the folder yet.
        """
        files = {**self._files, **(more or {})}
        return Opened(self.path, self.manifest, engine or self.engine, files)

    def json(self, name: str) -> object:
        """What a JSON file holds.

        Raises:
            FolderError: It is no JSON file.
        """
        return storage.parse_json(self.take(name), self.path / name, FolderError)


def open_saved(path: str | Path, engine: str = KERAS, manifest: Manifest | None = None) -> Opened:
    """Reads of a saved folder what an engine needs, and checks that it is whole and unchanged.

    For Keras all files are checked; for another engine, of those that it does not read, only that
    they are there in their size.

    Args:
        path: The folder.
        engine: "keras", or a format that the folder has an export of.
        manifest: What its `manifest.json` says, where that was read before.

    Raises:
        FolderError: The sentence names the file that is missing, changed or foreign; or the folder
            has no such export.

    Example:
        >>> open_saved("saved_models/run").manifest.max_length
        64
    """
    folder = Path(path)
    try:
        manifest = read(folder) if manifest is None else manifest
        names = _needed(manifest, engine)
        _check_memory(folder, sum(manifest.files[name].bytes for name in names))
        kept: dict[str, bytes] = {}
        check_files(folder, manifest, names if engine != KERAS else None, names, kept)
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error}.") from error
    if engine != KERAS and engine not in manifest.exports:
        raise FolderError(
            f"{folder} has no export {engine}; `python -m kerasft.export {folder} --engine "
            f"{engine}` makes it."
        )
    return Opened(folder, manifest, engine, kept)


def sha256_of(manifest: Manifest) -> str:
    """The hash of a `manifest.json`, which holds the hash of every other file."""
    return hashlib.sha256(storage.json_text(manifest.to_dict()).encode()).hexdigest()


def _check_memory(folder: Path, size: int) -> None:
    """Refuses files that there is no memory for; they may stand on the disk as mere holes."""
    free = backends.free_memory()
    if free is not None and size > free:
        raise FolderError(
            f"{folder} takes {size / 1e9:.1f} GB to read, but {free / 1e9:.1f} GB of memory are "
            "free."
        )


def _needed(manifest: Manifest, engine: str) -> set[str]:
    """The files that an engine reads."""
    others = [contents.CONFIG, contents.CARD]
    if engine != KERAS:
        others += [contents.WEIGHTS, *contents.ADAPTER]
    own = f"{EXPORT}/{engine}/"
    return {
        name
        for name in manifest.files
        if name not in others
        and (name.startswith(own) or not name.startswith((f"{contents.REPORT}/", f"{EXPORT}/")))
    }
