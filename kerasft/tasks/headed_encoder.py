"""What tasks of an encoder with a head share: their folders hold a tokenizer and labels."""

from __future__ import annotations

import json
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from kerasft.errors import ConfigError, FolderError, KerasftError
from kerasft.folder.contents import MANIFEST, TOKENIZER, Reader
from kerasft.folder.named_weights import NamedWeights, write_named_weights
from kerasft.folder.opened import Opened
from kerasft.folder.reading import (
    MAX_VOCABULARY,
    check_known,
    problem,
    read_saved_tokenizer,
    whole_argument,
)
from kerasft.folder.writing import check_length, check_vocabulary
from kerasft.runtimes.registry import encoder, engines_of
from kerasft.runtimes.runtime import EncoderModel, Encodes, Reading
from kerasft.tasks.task import Task
from kerasft.text.labels import LabelMap

if TYPE_CHECKING:
    from kerasft.architectures import EncoderArguments, HeadedEncoder
    from kerasft.text.tokenizer import Tokenizer

LABEL_MAP = "label_map.json"
MAX_LABELS = 100_000
MAX_SEGMENTS = 1_000


class EncoderParts(Protocol):
    """The parts that such tasks share; see `kerasft.tasks.task.Parts`."""

    @property
    def model(self) -> Any:
        """A `HeadedEncoder`."""

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer."""

    @property
    def labels(self) -> LabelMap:
        """The names of the head's outputs."""

    @property
    def max_length(self) -> int:
        """Tokens that are read at once."""


OfEncoder = TypeVar("OfEncoder", bound=EncoderParts)


def check_fit(parts: EncoderParts) -> None:
    """Checks that a model has the head, the positions and the embeddings for what it is given.

    Raises:
        ConfigError: It has another number of labels, fewer positions or a smaller vocabulary.
    """
    model = parts.model
    if len(parts.labels) != model.num_labels:
        raise ConfigError(
            f"the label map has {len(parts.labels)} labels, but the model has {model.num_labels}"
        )
    check_length(parts.max_length, model.max_length)
    check_vocabulary(parts.tokenizer.vocab_size, model.arguments.vocab_size)


class EncoderTask(Task[OfEncoder]):
    """A task of an encoder with a head.

    Attributes:
        each_token: Whether the head speaks of each token, or of the text.
        least_labels: How many outputs the head has at least.
    """

    files = (TOKENIZER, LABEL_MAP)
    has_adapter = True
    runtimes = engines_of(EncoderModel)
    each_token: ClassVar[bool]
    least_labels: ClassVar[int] = 2

    @abstractmethod
    def make(self, opened: Opened, arguments: EncoderArguments) -> HeadedEncoder:
        """The model of a checked manifest, without its weights."""

    def pooling(self, opened: Opened) -> str:
        """What the head reads: "first", "mean", or "none", which is each token by itself."""
        return "none"

    def check(self, parts: OfEncoder) -> None:
        """See `Task.check`."""
        check_fit(parts)

    def settings_of(self, parts: OfEncoder) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {"num_labels": len(parts.labels)}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        settings.whole("num_labels", self.least_labels, MAX_LABELS)

    def write(self, parts: OfEncoder, folder: Path, base_model: str) -> None:
        """See `Task.write`."""
        write_named_weights(parts.model, folder, base_model)
        parts.tokenizer.save(folder / TOKENIZER)
        parts.labels.save(folder / LABEL_MAP)

    def read_common(self, opened: Opened) -> tuple[Tokenizer, LabelMap]:
        """The tokenizer and the labels of an untrusted folder.

        Raises:
            FolderError: One of them is none, or they do not fit the manifest.
        """
        labels = _read_labels(opened)
        rows = whole_argument(opened.path, opened.manifest, "vocab_size", 1, MAX_VOCABULARY)
        tokenizer = read_saved_tokenizer(
            opened.take(TOKENIZER), opened.path / TOKENIZER, opened.manifest.max_length, rows
        )
        return tokenizer, labels

    def reads_pairs(self, parts: OfEncoder) -> bool:
        """Whether parts read pairs of texts."""
        return False

    def reading(self, parts: OfEncoder, num_segments: int = 0) -> Reading:
        """How the encoder is called, and the shape of its output.

        Args:
            num_segments: Segments in its table; 0 where it has none.
        """
        segments = self.reads_pairs(parts) and num_segments > 1
        tokenizer, labels = parts.tokenizer, parts.labels
        return Reading(tokenizer.pad_id, parts.max_length, len(labels), self.each_token, segments)

    def load_encoder(self, opened: Opened) -> tuple[OfEncoder, Encodes]:
        """The parts of a folder, and its encoder on the chosen runtime.

        Raises:
            FolderError: One sentence that names the file that does not fit.
            ConfigError: The package that computes is not installed.
        """
        parts = self.load(opened)
        return parts, encoder(opened, parts.model, self.reading(parts, segments_of(opened)))

    def to_write(self, parts: OfEncoder) -> EncoderModel:
        """See `Task.to_write`."""
        facts = {
            "labels": json.dumps(parts.labels.names, ensure_ascii=False),
            "max_length": str(parts.max_length),
            **self.file_facts(parts),
        }
        reading = self.reading(parts, parts.model.arguments.num_segments)
        return EncoderModel(parts.model, reading, parts.model.max_length, facts)

    def twin_config(self) -> dict[str, Any]:
        """What `config.json` says of the task, beside what the model says."""
        return {}

    def file_facts(self, parts: OfEncoder) -> dict[str, str]:
        """What else a file of the model says, for readers without kerasft."""
        return {}

    def build(self, opened: Opened, parts: OfEncoder) -> HeadedEncoder:
        """See `Task.build`."""
        from kerasft.architectures import find_encoder

        arguments = _arguments(opened)
        family = find_encoder(opened.manifest.architecture)
        weights = NamedWeights(opened)
        weights.check(family.entries(arguments, len(parts.labels), self.pooling(opened)))
        model = self.make(opened, arguments)  # the files hold every weight
        weights.load_into(model)
        if parts.max_length > model.max_length:
            raise FolderError(
                f"{opened.path / MANIFEST}: max_length is {parts.max_length}, more than the "
                f"{model.max_length} positions that the adapter's virtual tokens leave."
            )
        return model


def segments_of(opened: Opened) -> int:
    """How many segments the table of an untrusted folder's encoder has; 0 where it has none.

    Raises:
        FolderError: It does not say so.
    """
    return whole_argument(opened.path, opened.manifest, "num_segments", 0, MAX_SEGMENTS)


def _read_labels(opened: Opened) -> LabelMap:
    file, count = opened.path / LABEL_MAP, opened.manifest.settings["num_labels"]
    try:
        labels = LabelMap.from_dict(opened.json(LABEL_MAP), "it")
    except FolderError:
        raise
    except KerasftError as error:
        raise FolderError(f"{file} is no label map: {problem(error)}.") from None
    if len(labels) != count:
        raise FolderError(f"{file} has {len(labels)} labels, but the model has {count}.")
    return labels


def _arguments(opened: Opened) -> EncoderArguments:
    """What the manifest says about the encoder, checked against what we can build."""
    from kerasft.architectures import ENCODERS

    manifest, file = opened.manifest, opened.path / MANIFEST
    check_known(file, "architecture", manifest.architecture, ENCODERS)
    try:
        arguments = ENCODERS[manifest.architecture].read_arguments(manifest.arguments, FolderError)
    except FolderError as error:
        raise FolderError(f"{file}: {error}") from None
    if manifest.max_length > arguments.max_length:
        raise FolderError(
            f"{file}: max_length is {manifest.max_length}, more than the model's "
            f"{arguments.max_length} positions."
        )
    return arguments
