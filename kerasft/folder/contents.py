"""What a saved folder holds: the keys of its `manifest.json` and its files.

    manifest.json      the manifest: task, architecture, arguments, the sha256 of every file, ...
    model.safetensors  the weights (with an adapter: the base's)
    adapter/           adapter_config.json + adapter_model.safetensors, if any
    *.json             what else the task reads: tokenizer.json, label_map.json, ...
    config.yaml  README.md
    report/            metrics, plots, samples
    export/            the model again for other engines, if any; see `export_files.py`

Which settings and files its task has, and what they must be, the task says (`kerasft.tasks`).
Nothing here imports Keras.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import FolderError

FORMAT_VERSION = 3
MANIFEST = "manifest.json"
OLD_MANIFEST = "bundle.json"  # of format 1
WEIGHTS = "model.safetensors"
ADAPTER_CONFIG = "adapter/adapter_config.json"
ADAPTER_WEIGHTS = "adapter/adapter_model.safetensors"
TOKENIZER = "tokenizer.json"
CONFIG = "config.yaml"
CARD = "README.md"
REPORT = "report"

COMMON = (WEIGHTS, CONFIG, CARD)
"""The files that every folder has beside its manifest."""
ADAPTER = (ADAPTER_CONFIG, ADAPTER_WEIGHTS)
"""All of them or none."""
OWN_FILE = re.compile(r"[a-z][a-z_]*\.json")
"""What a task may have beside them, at the top of the folder."""
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


class Reader:
    """Values of an untrusted `manifest.json`; a wrong one is a sentence that names its key.

    Args:
        data: The JSON object.
        file: Its path, for error messages.
    """

    def __init__(self, data: Mapping[str, Any], file: Path) -> None:
        self.data, self.file = data, file

    def get(self, key: str, kind: type) -> Any:
        """The value of a key, which must be of the type `kind`, one of `_JSON_NAME`.

        Raises:
            FolderError: It is not.
        """
        value = self.data[key]
        # type(), since True is an int to isinstance.
        if type(value) is not kind:
            raise FolderError(
                f"{self.file}: {key} is {short(value)}, but must be a {_JSON_NAME[kind]}."
            )
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        """The whole number of a key.

        Raises:
            FolderError: It is none, or not from `low` to `high`.
        """
        value = self.get(key, int)
        if not low <= value <= high:
            raise FolderError(f"{self.file}: {key} is {short(value)}, but must be {low} to {high}.")
        return value

    def positive(self, key: str) -> float:
        """The number of a key.

        Raises:
            FolderError: It is none, not finite, or not above 0.
        """
        value = self.data[key]
        if type(value) not in (int, float) or not 0 < value < math.inf:
            raise FolderError(
                f"{self.file}: {key} is {short(value)}, but must be a number above 0."
            )
        return float(value)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `manifest.json` says.

    Attributes:
        task: The name of the task, a key of the registry of tasks.
        architecture: A key of our own registry ("bert", "transformer"), never a class name.
        arguments: The model's arguments, JSON values (checked on load by their own class).
        settings: What the task has to know beside them, JSON values (checked by the task).
        max_length: Tokens that a text is cut at.
        base_model: Where the pretrained weights came from, for people.
        versions: Package -> version, of the run that saved, for people.
        files: Path inside the folder ("report/loss.png") -> size and hash; filled in by `seal`.
        exports: Format ("onnx") -> facts of what stands in `export/<format>/`, for people.
    """

    task: str
    architecture: str
    arguments: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    max_length: int
    base_model: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def has_adapter(self) -> bool:
        """Whether the folder holds an adapter beside the base weights."""
        return ADAPTER_WEIGHTS in self.files

    def to_dict(self) -> dict[str, Any]:
        """The manifest as it stands in `manifest.json`, with the hash of itself as the last key."""
        content = {"format_version": FORMAT_VERSION, **asdict(self)}
        return {**content, "sha256": hash_of(content)}


def hash_of(content: dict[str, Any]) -> str:
    """The sha256 of a manifest's own content (without its key `sha256`)."""
    return hashlib.sha256(storage.json_text(content).encode()).hexdigest()


def short(value: Any) -> str:
    """A value of a file for a message, cut so that the message stays a sentence."""
    try:
        text = json.dumps(value)
    except ValueError:  # an integer of thousands of digits
        return "a huge number"
    return text if len(text) <= 60 else text[:57] + "..."


_JSON_NAME = {
    dict: "JSON object",
    list: "list",
    str: "string",
    int: "whole number",
    bool: "truth value",
}
