"""`bundle.json`: what a saved folder holds, and the check that it still holds exactly that.

Pure JSON and hashes: nothing here imports Keras, and nothing that a file says is ever imported or
run. The folder:

    bundle.json        this manifest: architecture, arguments, versions, the sha256 of every file
    model.safetensors  the weights (with an adapter: the base's)
    adapter/           adapter_config.json + adapter_model.safetensors, if any
    tokenizer.json     label_map.json     config.yaml     README.md
    report/            metrics, plots, samples
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import BundleError

FORMAT_VERSION = 1
MANIFEST = "bundle.json"
WEIGHTS = "model.safetensors"
ADAPTER_CONFIG = "adapter/adapter_config.json"
ADAPTER_WEIGHTS = "adapter/adapter_model.safetensors"
TOKENIZER = "tokenizer.json"
LABEL_MAP = "label_map.json"
CONFIG = "config.yaml"
CARD = "README.md"
REPORT = "report"

REQUIRED = (WEIGHTS, TOKENIZER, LABEL_MAP, CONFIG, CARD)
ADAPTER = (ADAPTER_CONFIG, ADAPTER_WEIGHTS)
# What a report may hold: files for people to look at, none that a program could be led to run.
REPORT_FILE = re.compile(
    r"report/(?:[\w-][\w.-]*/)*[\w-][\w.-]*\.(?:json|jsonl|csv|tsv|txt|md|yaml|html|png|svg|pdf)"
)
MAX_MANIFEST_BYTES = 2**20
MAX_FILES = 1000
MAX_LABELS = 100_000
MAX_LENGTH = 1_000_000


@dataclass(frozen=True)
class FileEntry:
    """One file of the folder.

    Attributes:
        bytes: Its size.
        sha256: Its hash, 64 hexadecimal digits.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The contents of `bundle.json`.

    Attributes:
        architecture: "bert" or "distilbert": a key of our own registry, never a class name.
        arguments: The encoder's arguments, JSON values (`EncoderArguments` checks them on load).
        num_labels: How many labels the head has.
        pooling: "first" or "mean".
        max_length: Tokens that a text is cut at.
        preprocessing: What was done to each text before the tokenizer, and is done again.
        base_model: Where the pretrained weights came from, for people.
        task: "classification".
        versions: Package -> version, of the run that saved, for people.
        files: Path inside the folder ("report/loss.png") -> size and hash; filled in by `seal`.
    """

    architecture: str
    arguments: dict[str, Any]
    num_labels: int
    pooling: str
    max_length: int
    preprocessing: dict[str, Any] = field(default_factory=dict)
    base_model: str = ""
    task: str = "classification"
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)

    @property
    def has_adapter(self) -> bool:
        """Whether the folder holds an adapter beside the base weights."""
        return ADAPTER_WEIGHTS in self.files

    def to_dict(self) -> dict[str, Any]:
        """The manifest as it stands in `bundle.json`, with the hash of itself as the last key."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        return {**content, "sha256": _hash(content)}


def is_bundle(path: str | Path) -> bool:
    """Whether a folder has a `bundle.json` of ours, intact or not."""
    try:
        data = storage.read_json(Path(path, MANIFEST), BundleError, max_bytes=MAX_MANIFEST_BYTES)
    except BundleError:
        return False
    return isinstance(data, dict) and {"format_version", "architecture", "files"} <= data.keys()


def is_ours(path: str | Path) -> bool:
    """Whether a folder is a saved folder in which nobody left a file of their own.

    Such a folder may be replaced; `storage.check_output(output, bundle.is_ours)` asks before a run.
    """
    if not is_bundle(path):
        return False
    try:
        return not set(_files(Path(path), hidden=True)) - {MANIFEST, *read(path).files, ".DS_Store"}
    except (BundleError, OSError):
        return False


def seal(folder: Path, manifest: Manifest) -> None:
    """Writes `bundle.json` over the files that lie in the folder, with their sizes and hashes.

    Raises:
        BundleError: The folder holds a file that does not belong into a saved folder.
    """
    files = {
        name: FileEntry((folder / name).stat().st_size, storage.sha256_file(folder / name))
        for name in sorted(_files(folder))
    }
    sealed = Manifest(**{**vars(manifest), "files": files})
    _check_names(folder, sealed.files)
    storage.write_json(folder / MANIFEST, sealed.to_dict())


def read(path: str | Path) -> Manifest:
    """Reads and checks `bundle.json` alone; `verify` checks the files too.

    Raises:
        BundleError: Not a saved folder, another format version, or a changed `bundle.json`.
    """
    folder = Path(path)
    file = folder / MANIFEST
    storage.recover(folder)
    if not folder.is_dir():
        raise BundleError(f"{folder} is not a folder; name a folder that kerasft saved.")
    if not os.path.lexists(file):
        raise BundleError(f"{folder} has no {MANIFEST}, so it is not a folder that kerasft saved.")
    _check_regular(file)
    data = storage.read_json(file, BundleError, max_bytes=MAX_MANIFEST_BYTES)
    manifest = _parse(data, file)
    if data["sha256"] != manifest.to_dict()["sha256"]:
        raise BundleError(f"{file} was changed after it was saved (its own sha256 does not fit).")
    if file.read_text(encoding="utf-8") != storage.json_text(manifest.to_dict()):
        raise BundleError(
            f"{file} was changed after it was saved (it is not as kerasft writes it)."
        )
    return manifest


def verify(path: str | Path) -> Manifest:
    """Checks that a saved folder is whole and unchanged, and returns its manifest.

    Every file must be there, a plain file (no link), of the size and sha256 in `bundle.json`,
    and there must be no other; names that start with a dot are nobody's and are left out.

    Raises:
        BundleError: The sentence names the file that is missing, changed or foreign.

    Example:
        >>> verify("saved_models/run").num_labels
        3
    """
    try:
        return _verify(Path(path))
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error}.") from error


def _verify(folder: Path) -> Manifest:
    manifest = read(folder)
    found = set(_files(folder)) - {MANIFEST}
    for name in sorted(manifest.files.keys() - found):
        raise BundleError(f"{folder / name} is missing.")
    for name in sorted(found - manifest.files.keys()):
        raise BundleError(
            f"{folder / name} is not one of the files that were saved; move it elsewhere."
        )
    for name, entry in manifest.files.items():
        size = (folder / name).stat().st_size
        if size != entry.bytes:
            raise BundleError(
                f"{folder / name} was changed after it was saved ({size} bytes, not {entry.bytes})."
            )
        if storage.sha256_file(folder / name) != entry.sha256:
            raise BundleError(
                f"{folder / name} was changed after it was saved (its sha256 is another)."
            )
    return manifest


def _hash(content: dict[str, Any]) -> str:
    return hashlib.sha256(storage.json_text(content).encode()).hexdigest()


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
        raise BundleError(f"{path} is a link; a saved folder holds plain files only.")
    if not stat.S_ISREG(mode):
        raise BundleError(f"{path} is not a plain file.")


def _check_names(folder: Path, names: Any) -> None:
    """Refuses every path that a saved folder does not have: absolute, "..", pickles, HDF5, ..."""
    for name in names:
        if name not in (*REQUIRED, *ADAPTER) and not REPORT_FILE.fullmatch(name):
            raise BundleError(f"{folder / MANIFEST} lists {name!r}, which no saved folder has.")
    missing = [name for name in REQUIRED if name not in names]
    if any(name in names for name in ADAPTER):
        missing += [name for name in ADAPTER if name not in names]
    if missing:
        raise BundleError(f"{folder / MANIFEST} does not list {missing[0]}.")


def _parse(data: Any, file: Path) -> Manifest:
    """Turns JSON of anybody's making into a Manifest, or says which key is wrong."""

    def get(key: str, kind: type, fits: bool = True) -> Any:
        value = data[key]
        # type(), since True is an int to isinstance.
        if type(value) is not kind:
            raise BundleError(
                f"{file}: {key} is {_short(value)}, but must be a {_JSON_NAME[kind]}."
            )
        return value

    def whole(key: str, low: int, high: int) -> int:
        value = get(key, int)
        if not low <= value <= high:
            raise BundleError(f"{file}: {key} is {_short(value)}, but must be {low} to {high}.")
        return value

    if not isinstance(data, dict):
        raise BundleError(f"{file} holds {_short(data)}, but must hold a JSON object.")
    version = data.get("format_version")
    if type(version) is int and version > FORMAT_VERSION:
        raise BundleError(
            f"{file} is of format {_short(version)}, and this kerasft reads up to "
            f"{FORMAT_VERSION}: upgrade kerasft (`pip install --upgrade kerasft`)."
        )
    if type(version) is not int or version != FORMAT_VERSION:
        raise BundleError(
            f"{file}: format_version is {_short(version)}, but must be {FORMAT_VERSION}."
        )
    keys = {"format_version", "sha256", *Manifest.__dataclass_fields__}
    for key in sorted(keys - data.keys()):
        raise BundleError(f"{file} has no {key!r}.")
    for key in sorted(data.keys() - keys):
        raise BundleError(f"{file} has an unknown key {_short(key)}.")
    get("sha256", str)
    versions = get("versions", dict)
    if not all(isinstance(value, str) for value in versions.values()):
        raise BundleError(f"{file}: versions must map names to strings.")
    files = get("files", dict)
    if len(files) > MAX_FILES:
        raise BundleError(f"{file} lists {len(files)} files, more than {MAX_FILES}.")
    _check_names(file.parent, files)
    return Manifest(
        architecture=get("architecture", str),
        arguments=get("arguments", dict),
        num_labels=whole("num_labels", 1, MAX_LABELS),
        pooling=get("pooling", str),
        max_length=whole("max_length", 1, MAX_LENGTH),
        preprocessing=get("preprocessing", dict),
        base_model=get("base_model", str),
        task=get("task", str),
        versions=versions,
        files={name: _entry(entry, name, file) for name, entry in files.items()},
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
        raise BundleError(f"{file}: the entry of {name} must be its bytes and its sha256.")
    return FileEntry(data["bytes"], data["sha256"])


_JSON_NAME = {dict: "JSON object", str: "string", int: "whole number"}


def _short(value: Any) -> str:
    """A value of a file for a message, cut so that the message stays a sentence."""
    try:
        text = json.dumps(value)
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."
