"""`manifest.json`: written over the files of a folder, and checked against them when it is read.

Pure JSON and hashes: nothing here imports Keras, and nothing that a file says is ever imported or
run. `kerasft.folder.contents` holds the keys and files.
"""

import dataclasses
import hashlib
import os
import re
import shlex
import stat
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import FolderError
from kerasft.folder.contents import (
    ADAPTER,
    COMMON,
    FORMAT_VERSION,
    MANIFEST,
    MAX_LENGTH,
    OLD_MANIFEST,
    OWN_FILE,
    FileEntry,
    Manifest,
    Reader,
    short,
)
from kerasft.folder.export_files import export_paths, read_exports

# What a report may hold: files for people to look at, none that a program could be led to run.
REPORT_FILE = re.compile(
    r"report/(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:json|jsonl|csv|tsv|txt|md|yaml|html|png|svg|pdf)"
)
MAX_MANIFEST_BYTES = 2**20
MAX_FILES = 1000
_KEYS = ("format_version", *(field.name for field in dataclasses.fields(Manifest)), "sha256")


def has_manifest(path: str | Path) -> bool:
    """Whether a folder has a file that is called as a manifest is, of this or an older format."""
    return any(Path(path, name).is_file() for name in (MANIFEST, OLD_MANIFEST))


def is_saved(path: str | Path) -> bool:
    """Whether a folder has a manifest of ours, intact or not, of this or an older format."""
    for name in (MANIFEST, OLD_MANIFEST):
        try:
            data = storage.read_json(Path(path, name), FolderError, max_bytes=MAX_MANIFEST_BYTES)
        except FolderError:
            continue
        if isinstance(data, dict) and {"format_version", "architecture", "files"} <= data.keys():
            return True
    return False


def is_ours(path: str | Path) -> bool:
    """Whether a folder is a saved folder without files of other origin.

    Such a folder may be replaced; `storage.check_output(output, is_ours)` asks before a run.

    Raises:
        ConfigError: Another version of kerasft saved it.
    """
    storage.check_format(Path(path), FORMAT_VERSION, MANIFEST, OLD_MANIFEST)
    if not is_saved(path):
        return False
    try:
        return not set(_files(Path(path), hidden=True)) - {MANIFEST, *read(path).files, ".DS_Store"}
    except (FolderError, OSError):
        return False


def seal(folder: Path, manifest: Manifest) -> None:
    """Writes `manifest.json` over the files that lie in the folder, with their sizes and hashes.

    Raises:
        FolderError: The folder holds a file that does not belong into a saved folder.
    """
    files = {
        name: FileEntry((folder / name).stat().st_size, storage.sha256_file(folder / name))
        for name in sorted(_files(folder))
    }
    sealed = dataclasses.replace(manifest, files=files)
    _check_names(folder, files, sealed.exports)
    storage.write_json(folder / MANIFEST, sealed.to_dict())


def read(path: str | Path) -> Manifest:
    """Reads and checks `manifest.json` alone; `verify` checks the files too.

    Raises:
        FolderError: Not a saved folder, another format version, or a changed `manifest.json`.
    """
    folder = Path(path)
    file = folder / MANIFEST
    storage.recover(folder)
    if not folder.is_dir():
        raise FolderError(f"{folder} is not a folder; name a folder that kerasft saved.")
    if not os.path.lexists(file):
        if (folder / "adapter_config.json").is_file():
            raise FolderError(
                f"{folder} is a PEFT adapter and not a saved folder; make one: `python -m "
                f"kerasft.convert MODEL --adapter {shlex.quote(str(folder))} --output FOLDER`, "
                "with the model that it was trained on."
            )
        if is_saved(folder):
            raise FolderError(
                f"{folder} was saved in format 1 ({OLD_MANIFEST}), which this kerasft does not "
                "read; run the command in its README.md again, with another --output."
            )
        raise FolderError(f"{folder} has no {MANIFEST}, so it is not a folder that kerasft saved.")
    _check_regular(file)
    raw = storage.read_bytes(file, FolderError, max_bytes=MAX_MANIFEST_BYTES)
    data = storage.parse_json(raw, file, FolderError)
    manifest = _parse(data, file)
    if data["sha256"] != manifest.to_dict()["sha256"]:
        raise FolderError(f"{file} was changed after it was saved (its own sha256 does not fit).")
    if raw.decode("utf-8") != storage.json_text(manifest.to_dict()):
        raise FolderError(
            f"{file} was changed after it was saved (it is not as kerasft writes it)."
        )
    return manifest


def verify(path: str | Path, hashed: Container[str] | None = None) -> Manifest:
    """Checks that a saved folder is whole and unchanged, and returns its manifest.

    Every file must be there, a plain file (no link), of the size and sha256 in `manifest.json`,
    and there must be no other; hidden files are ignored.

    Args:
        path: The folder.
        hashed: The files whose sha256 is checked, for readers of a few of them; all by default.

    Raises:
        FolderError: The sentence names the file that is missing, changed or foreign.

    Example:
        >>> verify("saved_models/run").max_length
        64
    """
    try:
        manifest = read(path)
        check_files(Path(path), manifest, hashed)
        return manifest
    except OSError as error:
        raise FolderError(f"{path} cannot be read: {error}.") from error


def check_files(
    folder: Path,
    manifest: Manifest,
    hashed: Container[str] | None = None,
    names: Container[str] = (),
    kept: dict[str, bytes] | None = None,
) -> None:
    """Compares the files of a folder with its manifest; each is opened once.

    Args:
        manifest: What its `manifest.json` says.
        hashed: Those whose sha256 is checked; all where it is None.
        names: Those whose contents are put into `kept`.
        kept: Gets these contents, by name.

    Raises:
        FolderError: The sentence names the file that is missing, changed or foreign.
        OSError: One cannot be read.
    """
    found = set(_files(folder)) - {MANIFEST}
    for name in sorted(manifest.files.keys() - found):
        raise FolderError(f"{folder / name} is missing.")
    for name in sorted(found - manifest.files.keys()):
        raise FolderError(
            f"{folder / name} is not one of the files that were saved; move it elsewhere."
        )
    for name, entry in manifest.files.items():
        path = folder / name
        _check_entry(path, path.stat().st_size, entry.bytes)
        if hashed is not None and name not in hashed:
            continue
        if kept is not None and name in names:
            with open(path, "rb") as file:
                kept[name] = file.read(entry.bytes + 1)
            _check_entry(path, len(kept[name]), entry.bytes)
            digest = hashlib.sha256(kept[name]).hexdigest()
        else:
            digest = storage.sha256_file(path)
        if digest != entry.sha256:
            raise FolderError(f"{path} was changed after it was saved (its sha256 is another).")


def _check_entry(path: Path, size: int, wanted: int) -> None:
    if size != wanted:
        raise FolderError(f"{path} was changed after it was saved ({size} bytes, not {wanted}).")


def _files(folder: Path, *, hidden: bool = False) -> Iterator[str]:
    """The paths of all files below the folder, relative and with "/"; a link or a pipe raises."""
    pending = [folder]
    while pending:
        for path in pending.pop().iterdir():
            if path.name.startswith(".") and not hidden:
                continue
            if stat.S_ISDIR(path.lstat().st_mode):
                pending.append(path)
            else:
                _check_regular(path)
                yield path.relative_to(folder).as_posix()


def _check_regular(path: Path) -> None:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        raise FolderError(f"{path} is a link; a saved folder holds plain files only.")
    if not stat.S_ISREG(mode):
        raise FolderError(f"{path} is not a plain file.")


def _check_names(folder: Path, names: Any, exports: Iterable[str]) -> None:
    """Refuses every path that a saved folder does not have: absolute, "..", pickles, HDF5, ..."""
    exported = export_paths(exports)
    for name in names:
        known = name in (*COMMON, *ADAPTER, *exported) or (
            name != MANIFEST and OWN_FILE.fullmatch(name)
        )
        if not known and not REPORT_FILE.fullmatch(name):
            raise FolderError(f"{folder / MANIFEST} lists {name!r}, which no saved folder has.")
    required = [*COMMON, *exported, *(ADAPTER if any(name in names for name in ADAPTER) else ())]
    for name in required:
        if name not in names:
            raise FolderError(f"{folder / MANIFEST} does not list {name}.")


def _parse(data: Any, file: Path) -> Manifest:
    """Turns untrusted JSON into a Manifest, or says which key is wrong."""
    if not isinstance(data, dict):
        raise FolderError(f"{file} holds {short(data)}, but must hold a JSON object.")
    version = data.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise FolderError(
            f"{file} is of format {short(version)}, and this kerasft reads up to "
            f"{FORMAT_VERSION}: upgrade kerasft (`pip install --upgrade kerasft`)."
        )
    if version == FORMAT_VERSION - 1 and type(version) is int:
        raise FolderError(
            f"{file} is of format {version}, that of an earlier kerasft, and this one reads "
            f"{FORMAT_VERSION}: train the model again."
        )
    if type(version) is not int or version != FORMAT_VERSION:
        raise FolderError(
            f"{file}: format_version is {short(version)}, but must be {FORMAT_VERSION}."
        )
    reader = Reader(data, file)
    for key in sorted(set(_KEYS) - data.keys()):
        raise FolderError(f"{file} has no {key!r}.")
    for key in sorted(data.keys() - set(_KEYS)):
        raise FolderError(f"{file} has an unknown key {short(key)}.")
    reader.get("sha256", str)
    versions = reader.get("versions", dict)
    if not all(isinstance(value, str) for value in versions.values()):
        raise FolderError(f"{file}: versions must map names to strings.")
    files = reader.get("files", dict)
    if len(files) > MAX_FILES:
        raise FolderError(f"{file} lists {len(files)} files, more than {MAX_FILES}.")
    exports = read_exports(reader)
    _check_names(file.parent, files, exports)
    return Manifest(
        task=reader.get("task", str),
        architecture=reader.get("architecture", str),
        arguments=reader.get("arguments", dict),
        settings=reader.get("settings", dict),
        max_length=reader.whole("max_length", 1, MAX_LENGTH),
        base_model=reader.get("base_model", str),
        versions=versions,
        files={name: _entry(entry, name, file) for name, entry in files.items()},
        exports=exports,
    )


def _entry(data: Any, name: str, file: Path) -> FileEntry:
    if (
        not isinstance(data, dict)
        or data.keys() != {"bytes", "sha256"}
        or type(data["bytes"]) is not int
        or data["bytes"] < 0
        or not isinstance(data["sha256"], str)
        or not re.fullmatch("[0-9a-f]{64}", data["sha256"])
    ):
        raise FolderError(f"{file}: the entry of {name} must be its bytes and its sha256.")
    return FileEntry(data["bytes"], data["sha256"])
