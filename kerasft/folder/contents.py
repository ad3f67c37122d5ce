"""What a saved folder holds, task by task: the keys of its `bundle.json` and its files.

Every task has one class here, with the keys and files that are its own:

    bundle.json        the manifest: architecture, arguments, versions, the sha256 of every file
    model.safetensors  the weights (with an adapter: the base's)
    config.yaml  README.md
    report/            metrics, plots, samples
    export/            the model again for other engines, if any; see `export_files.py`

    classification     tokenizer.json  label_map.json
                       adapter/        adapter_config.json + adapter_model.safetensors, if any
    tagging            as classification; the labels are BIO tags
    translation        tokenizer_source.json  tokenizer_target.json
    text_to_text       tokenizer.json
                       adapter/        as above, if any

A further task is a further class, and an entry in `TASKS`. Nothing here imports Keras.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from kerasft import storage
from kerasft.errors import BundleError

FORMAT_VERSION = 1
MANIFEST = "bundle.json"
WEIGHTS = "model.safetensors"
ADAPTER_CONFIG = "adapter/adapter_config.json"
ADAPTER_WEIGHTS = "adapter/adapter_model.safetensors"
TOKENIZER = "tokenizer.json"
TOKENIZER_SOURCE = "tokenizer_source.json"
TOKENIZER_TARGET = "tokenizer_target.json"
LABEL_MAP = "label_map.json"
CONFIG = "config.yaml"
CARD = "README.md"
REPORT = "report"

ADAPTER = (ADAPTER_CONFIG, ADAPTER_WEIGHTS)
CTRANSLATE2_FORMATS = ("ctranslate2", "ctranslate2-int8")
MAX_LABELS = 100_000
MAX_LENGTH = 1_000_000
MAX_TASKS = 1000
MAX_NAME = 200
MAX_PREFIX = 1000
# A model of relative positions has no bound of its own, but memory has.
MAX_TEXT_TOKENS = 16_384
MAX_BEAMS = 64
METRICS = ("exact", "rouge", "bleu", "entities")
"""How a task of a text-to-text model is scored."""
OUTPUT_FORMATS = ("text", "entities")
"""What the outputs of a text-to-text model are: texts, or entities in `text.entity_format`."""
# "en", "it_IT", "zh-Hans", "eng_Latn": whatever the data calls its languages.
LANGUAGE = re.compile(r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*")
MAX_LANGUAGE = 35


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
    """Values of an untrusted `bundle.json`; a wrong one is a sentence that names its key.

    Args:
        data: The JSON object.
        file: Where it stands, for the sentences.
    """

    def __init__(self, data: Mapping[str, Any], file: Path) -> None:
        self.data, self.file = data, file

    def get(self, key: str, kind: type) -> Any:
        """The value of a key, which must be of the type `kind`: dict, list, str or int.

        Raises:
            BundleError: It is not.
        """
        value = self.data[key]
        # type(), since True is an int to isinstance.
        if type(value) is not kind:
            raise BundleError(
                f"{self.file}: {key} is {short(value)}, but must be a {_JSON_NAME[kind]}."
            )
        return value

    def whole(self, key: str, low: int, high: int) -> int:
        """The whole number of a key.

        Raises:
            BundleError: It is none, or not from `low` to `high`.
        """
        value = self.get(key, int)
        if not low <= value <= high:
            raise BundleError(f"{self.file}: {key} is {short(value)}, but must be {low} to {high}.")
        return value


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What `bundle.json` says in every task; a class below adds what is its task's own.

    Attributes:
        architecture: A key of our own registry ("bert", "transformer"), never a class name.
        arguments: The model's arguments, JSON values (checked on load by their own class).
        max_length: Tokens that a text is cut at.
        preprocessing: What was done to each text before the tokenizer, and is done again.
        base_model: Where the pretrained weights came from, for people.
        versions: Package -> version, of the run that saved, for people.
        files: Path inside the folder ("report/loss.png") -> size and hash; filled in by `seal`.
        exports: Format ("onnx") -> facts of what stands in `export/<format>/`, for people.
        task: The name of the task (of the class).
        required: The files that a folder of the task has, apart from `bundle.json` (of the class).
        optional: Files that it may have, all of them or none (of the class).
        formats: Which `exports` it may have (of the class).
    """

    architecture: str
    arguments: dict[str, Any]
    max_length: int
    preprocessing: dict[str, Any] = field(default_factory=dict)
    base_model: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, FileEntry] = field(default_factory=dict)
    exports: dict[str, dict[str, Any]] = field(default_factory=dict)

    task: ClassVar[str]
    required: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]] = ()
    formats: ClassVar[tuple[str, ...]] = ()

    @property
    def has_adapter(self) -> bool:
        """Whether the folder holds an adapter beside the base weights."""
        return ADAPTER_WEIGHTS in self.files

    @property
    def kind(self) -> str:
        """What predicts with the folder and serves it: the task, or a part of it."""
        return self.task

    @classmethod
    def own_keys(cls) -> tuple[str, ...]:
        """The keys that the task has beside those of every task."""
        return tuple(f.name for f in fields(cls) if f.name not in Manifest.__dataclass_fields__)

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Every key of `bundle.json`, in the order in which it is written."""
        start = ("format_version", "architecture", "arguments")
        return (
            *(*start, *cls.own_keys(), "max_length", "preprocessing", "base_model", "task"),
            *("versions", "files", "sha256"),
        )

    @classmethod
    def read_own(cls, reader: Reader) -> dict[str, Any]:
        """The values of `own_keys`, checked.

        Raises:
            BundleError: One is of the wrong type or out of range.
        """
        return {}

    def to_dict(self) -> dict[str, Any]:
        """The manifest as it stands in `bundle.json`, with the hash of itself as the last key."""
        values = {"format_version": FORMAT_VERSION, "task": self.task, **asdict(self)}
        content = {key: values[key] for key in self.keys() if key != "sha256"}
        content |= {"exports": self.exports} if self.exports else {}  # older folders have none
        return {**content, "sha256": hash_of(content)}


@dataclass(frozen=True, kw_only=True)
class ClassificationManifest(Manifest):
    """A text classifier.

    Attributes:
        num_labels: How many labels the head has.
        pooling: "first" or "mean".
    """

    num_labels: int
    pooling: str

    task = "classification"
    required = (WEIGHTS, TOKENIZER, LABEL_MAP, CONFIG, CARD)
    optional = ADAPTER
    formats = ("onnx", "onnx-int8")

    @classmethod
    def read_own(cls, reader: Reader) -> dict[str, Any]:
        """See `Manifest.read_own`."""
        return {
            "num_labels": reader.whole("num_labels", 1, MAX_LABELS),
            "pooling": reader.get("pooling", str),
        }


@dataclass(frozen=True, kw_only=True)
class TaggingManifest(Manifest):
    """A tagger of tokens, which finds entities.

    Attributes:
        num_labels: How many tags the head has.
        pooling: What the head reads: each token by itself (of the class).
    """

    num_labels: int

    task = "tagging"
    required = (WEIGHTS, TOKENIZER, LABEL_MAP, CONFIG, CARD)
    optional = ADAPTER
    pooling: ClassVar[str] = "none"

    @classmethod
    def read_own(cls, reader: Reader) -> dict[str, Any]:
        """See `Manifest.read_own`."""
        return {"num_labels": reader.whole("num_labels", 1, MAX_LABELS)}


@dataclass(frozen=True, kw_only=True)
class TranslationManifest(Manifest):
    """A translator with a tokenizer for each of its two languages.

    Attributes:
        languages: {"source": "en", "target": "it"}, as the data calls them.
    """

    languages: dict[str, str]

    task = "translation"
    required = (WEIGHTS, TOKENIZER_SOURCE, TOKENIZER_TARGET, CONFIG, CARD)
    formats = CTRANSLATE2_FORMATS

    @classmethod
    def read_own(cls, reader: Reader) -> dict[str, Any]:
        """See `Manifest.read_own`."""
        languages = reader.get("languages", dict)
        if not are_languages(languages):
            raise BundleError(
                f"{reader.file}: languages is {short(languages)}, but must name one source and one "
                'target, as in {"source": "en", "target": "it"}.'
            )
        return {"languages": dict(languages)}


@dataclass(frozen=True)
class SavedTask:
    """One of the tasks that a text-to-text model was trained on.

    Attributes:
        name: Its name, for people and for `--task`.
        prefix: What stands before each of its texts: "summarize: ".
        metric: How it is scored, one of `METRICS`.
    """

    name: str
    prefix: str
    metric: str = "exact"


@dataclass(frozen=True, kw_only=True)
class TextToTextManifest(Manifest):
    """A text-to-text model.

    Its `max_length` counts the tokens of a source, the prefix and the end token included.

    Attributes:
        tasks: What it was trained on.
        max_target_length: Most tokens of an output, the end token included.
        beam_size: Hypotheses followed at a time, unless one asks for another number.
        output_format: One of `OUTPUT_FORMATS`.
        entity_types: The types of entity, where outputs are entities.
    """

    tasks: tuple[SavedTask, ...]
    max_target_length: int
    beam_size: int
    output_format: str
    entity_types: tuple[str, ...]

    task = "text_to_text"
    required = (WEIGHTS, TOKENIZER, CONFIG, CARD)
    optional = ADAPTER
    formats = CTRANSLATE2_FORMATS

    @property
    def kind(self) -> str:
        """The task; or "text_to_entities" where outputs are entities."""
        return self.task if self.output_format == "text" else f"text_to_{self.output_format}"

    @classmethod
    def read_own(cls, reader: Reader) -> dict[str, Any]:
        """See `Manifest.read_own`."""
        values = {
            "tasks": tuple(_saved_task(entry, reader.file) for entry in reader.get("tasks", list)),
            "max_target_length": reader.whole("max_target_length", 1, MAX_TEXT_TOKENS),
            "beam_size": reader.whole("beam_size", 1, MAX_BEAMS),
            "output_format": reader.get("output_format", str),
            "entity_types": tuple(reader.get("entity_types", list)),
        }
        problem = wrong_tasks(values["tasks"], values["output_format"], values["entity_types"])
        if problem:
            raise BundleError(f"{reader.file}: {problem}.")
        return values


def wrong_tasks(
    tasks: Sequence[SavedTask], output_format: str, entity_types: Sequence[object]
) -> str:
    """What is wrong with what a text-to-text model is said to do; nothing where all is well."""
    if not 1 <= len(tasks) <= MAX_TASKS:
        return f"there are {len(tasks)} tasks, but there must be 1 to {MAX_TASKS}"
    names = [task.name for task in tasks]
    for task in tasks:
        if not (task.name.strip() and len(task.name) <= MAX_NAME and names.count(task.name) == 1):
            return (
                f"the task {short(task.name)} must have a name of its own, of 1 to {MAX_NAME} "
                "characters"
            )
        if len(task.prefix) > MAX_PREFIX:
            return f"the prefix {short(task.prefix)} has more than {MAX_PREFIX} characters"
        if task.metric not in METRICS:
            return f"the metric {short(task.metric)} is unknown; it is one of {', '.join(METRICS)}"
    if output_format not in OUTPUT_FORMATS:
        return (
            f"the output_format {short(output_format)} is unknown; it is one of "
            f"{', '.join(OUTPUT_FORMATS)}"
        )
    if bool(entity_types) != (output_format == "entities"):
        return f"entity_types is {short(list(entity_types))}, but output_format {output_format!r}"
    for kind in entity_types:
        if not (isinstance(kind, str) and kind.strip() and len(kind) <= MAX_NAME):
            return f"entity_types holds {short(kind)}, which is no name of 1 to {MAX_NAME} letters"
    return ""


def _saved_task(entry: Any, file: Path) -> SavedTask:
    if (
        not isinstance(entry, dict)
        or entry.keys() != {"name", "prefix", "metric"}
        or not all(isinstance(value, str) for value in entry.values())
    ):
        raise BundleError(
            f"{file}: tasks holds {short(entry)}, but each must have a name, a prefix and a metric."
        )
    return SavedTask(**entry)


TASKS: dict[str, type[Manifest]] = {
    manifest.task: manifest
    for manifest in (
        ClassificationManifest,
        TaggingManifest,
        TranslationManifest,
        TextToTextManifest,
    )
}
"""The class of each task, by the `task` of its `bundle.json`."""


def are_languages(languages: Mapping[str, Any]) -> bool:
    """Whether a mapping names a source and a target language, and nothing else."""
    return languages.keys() == {"source", "target"} and all(
        isinstance(name, str) and len(name) <= MAX_LANGUAGE and LANGUAGE.fullmatch(name)
        for name in languages.values()
    )


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


_JSON_NAME = {dict: "JSON object", list: "list", str: "string", int: "whole number"}
