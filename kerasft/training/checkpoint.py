"""The checkpoint folder of a run: what it holds, and how it is read and written."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.training.state_reader import BrokenState, StateReader

FACTS, TENSORS = "checkpoint.json", "checkpoint.safetensors"
KIND = "kerasft checkpoint"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Checkpoint:
    """Everything needed to continue a stopped run as if it had not been stopped.

    Attributes:
        fingerprint: What must be the same in the resumed run (JSON).
        epoch: The epoch that is running or comes next, from 0.
        batch: How many of its batches are done.
        stopped: Whether early stopping ended the run.
        states: What the stateful callbacks keep, by their names (JSON).
        tensors: All arrays, by "model/...", "optimizer/...", "metrics/..." or "CALLBACK/...".
    """

    fingerprint: dict[str, Any]
    epoch: int
    batch: int
    stopped: bool
    states: dict[str, dict[str, Any]]
    tensors: dict[str, np.ndarray]

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The arrays below a prefix, without it."""
        start = f"{prefix}/"
        return {k[len(start) :]: v for k, v in self.tensors.items() if k.startswith(start)}


_NAMES = [field.name for field in fields(Checkpoint) if field.name != "tensors"]


def as_json(value: Mapping[str, Any]) -> dict[str, Any]:
    """The value as it comes back from a JSON file (tuples become lists, paths text)."""
    return json.loads(json.dumps(dict(value), default=str))


def is_checkpoint(directory: Path) -> bool:
    """Whether a folder is a checkpoint that kerasft wrote, a damaged one too."""
    try:
        facts = storage.read_json(directory / FACTS, ConfigError)
    except ConfigError:
        facts = None
    if isinstance(facts, dict) and facts.get("kind") == KIND:
        return True
    return directory.is_dir() and {path.name for path in directory.iterdir()} == {FACTS, TENSORS}


def write(directory: Path, checkpoint: Checkpoint) -> None:
    """Writes the folder whole, in the place of the former one, which stays if this is cut off.

    Raises:
        ConfigError: The folder cannot be written, or holds something else.
    """
    facts = asdict(checkpoint)
    tensors = {k: np.ascontiguousarray(v).reshape(v.shape) for k, v in facts.pop("tensors").items()}
    size = sum(array.nbytes for array in tensors.values()) + 8192  # and the facts, in blocks
    with storage.write_folder(directory, is_ours=is_checkpoint, size=size) as folder:
        storage.write_tensors(tensors, folder / TENSORS)
        head = {"kind": KIND, "format_version": FORMAT_VERSION}
        facts = {**head, "tensors_sha256": storage.sha256_file(folder / TENSORS), **facts}
        storage.write_json(folder / FACTS, {**facts, "sha256": _hash(facts)})


def read_facts(directory: Path, option: str = "--resume") -> dict[str, Any]:
    """Reads all but the arrays.

    Args:
        directory: The checkpoint.
        option: What asked for it, for the sentence that refuses it.

    Raises:
        ConfigError: The folder is no checkpoint, one of another format version, or a broken one.
    """
    try:
        facts = storage.read_json(directory / FACTS, ConfigError)
    except ConfigError as error:
        raise broken(directory, str(error).rstrip("."), option) from error
    if not isinstance(facts, dict) or facts.get("kind") != KIND:
        raise ConfigError(
            f"{directory} is not a checkpoint of kerasft; start afresh without {option}."
        )
    version = facts.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ConfigError(
            f"The checkpoint {directory} has the format version {_short(version)}, but this "
            f"version of kerasft reads {FORMAT_VERSION}; start afresh without {option}."
        )
    try:
        return _checked(facts)
    except BrokenState as error:
        raise broken(directory, f"{FACTS}: {error}", option) from error


def read(directory: Path, option: str = "--resume") -> Checkpoint:
    """Reads the whole folder.

    Args:
        directory: The checkpoint.
        option: What asked for it, for the sentence that refuses it.

    Raises:
        ConfigError: It is no checkpoint, or a broken one.
    """
    facts = read_facts(directory, option)
    file = directory / TENSORS
    try:
        if storage.sha256_file(file) != facts["tensors_sha256"]:
            raise BrokenState(f"{TENSORS} was changed after it was written: its sha256 is another")
        held = storage.Tensors(file, error=ConfigError, kinds=storage.KINDS, native=True)
        tensors = {name: held[name] for name in held}
    except (OSError, ConfigError, BrokenState) as error:
        reason = storage.reason_of(error) or str(error).rstrip(".")
        raise broken(directory, reason, option) from error
    return Checkpoint(**{name: facts[name] for name in _NAMES}, tensors=tensors)


def broken(directory: Path, problem: object, option: str) -> ConfigError:
    """The error that refuses a checkpoint, for a reason that stands in brackets."""
    return ConfigError(
        f"The checkpoint {directory} is broken ({problem}); start afresh without {option}."
    )


def _checked(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, each of its type, whole and unchanged.

    Raises:
        BrokenState: They are not.
    """
    reader = StateReader(facts)
    reader.only("kind", "format_version", "tensors_sha256", "sha256", *_NAMES)
    for key in ("tensors_sha256", "sha256"):
        if not re.fullmatch("[0-9a-f]{64}", reader.text(key)):
            raise BrokenState(f"{key} is no sha256")
    reader.mapping("fingerprint")
    reader.whole("epoch")
    reader.whole("batch")
    reader.flag("stopped")
    for name, state in reader.mapping("states").items():
        StateReader(state, name)
    if _hash({key: value for key, value in facts.items() if key != "sha256"}) != facts["sha256"]:
        raise BrokenState("it was changed after it was written: its sha256 is another")
    return facts


def _hash(facts: Mapping[str, Any]) -> str:
    """The SHA-256 of facts as JSON.

    Raises:
        BrokenState: JSON has no words for them: infinity, half a character.
    """
    try:
        return hashlib.sha256(storage.json_text(facts).encode("utf-8")).hexdigest()
    except (ValueError, RecursionError) as error:
        raise BrokenState(f"it holds what is no JSON: {error}") from error


def remove(directory: Path) -> None:
    """Removes a checkpoint, whole or not at all; a folder that is none stays."""
    storage.remove_folder(directory, is_ours=is_checkpoint)


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
        # As text, since true and 1 and 1.0 are equal to Python.
        if json.dumps(theirs.get(name, absent)) != json.dumps(ours.get(name, absent))
    ]
    if differing:
        raise ConfigError(
            f"The checkpoint {directory} was made with another {', '.join(differing)}; give the "
            f"same settings, or start afresh without {option}."
        )


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:24]}..."
