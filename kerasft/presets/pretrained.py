"""A pretrained model, and the models to build from it."""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.architectures import (
    Classifier,
    EncoderArguments,
    HeadedEncoder,
    LoadReport,
    Pooling,
    Tagger,
    check_shapes,
    find_encoder,
    load_tensors,
)
from kerasft.errors import ConfigError, PresetError
from kerasft.presets.tensor_files import TensorFiles
from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Pretrained:
    """A pretrained encoder, its tokenizer and perhaps a trained classification head.

    Attributes:
        architecture: The family's name: "bert", "distilbert", ...
        tensors: float32 weight by Hugging Face name, read on demand.
        labels: The label names of its classification head, if it has any.
        source: The model's name: a Hub id, a KerasHub name, a path.
        sha256: Of the weights.
        license: As the source states it.
        revision: The Hub's commit, for a model of the Hub.
        head_pooling: The pooling under its trained sequence-classification head; None without such
            a head.
        pooling: What a head reads by default: the pooling that the model was trained with.
        pooling_reason: Why, as the end of a sentence.
        tags: The tags of its trained token-classification head; None without such a head or names.
        problem_type: What its trained sequence-classification head says, in transformers' words
            ("regression"); None where the source does not tell.
    """

    architecture: str
    arguments: EncoderArguments
    tensors: Mapping[str, np.ndarray]
    tokenizer: Tokenizer
    labels: list[str] | None
    source: str
    sha256: str
    license: str | None = None
    revision: str | None = None
    head_pooling: str | None = None
    pooling: Pooling = "first"
    pooling_reason: str = "as transformers' own heads do"
    tags: list[str] | None = None
    problem_type: str | None = None

    def __post_init__(self) -> None:
        rows, pieces = self.arguments.vocab_size, self.tokenizer.vocab_size
        if pieces > rows:
            raise PresetError(
                f"the tokenizer of {self.source} has {pieces} tokens, but its embedding table only "
                f"{rows} rows; they do not belong together"
            )

    def check_length(self, max_length: int) -> None:
        """Checks that texts of so many tokens fit into the position embeddings.

        Raises:
            ConfigError: They do not.
        """
        longest = self.arguments.max_length
        if max_length > longest:
            raise ConfigError(
                f"--max_length is {max_length}, but {self.source} reads {longest} tokens at most."
            )

    def describe_pooling(self, pooling: str) -> str:
        """What a head reads, and why: a sentence for a run's output and the model card."""
        what = "the mean over the tokens" if pooling == "mean" else "the first token"
        why = self.pooling_reason
        if pooling != self.pooling:
            why = f"as --pooling says; by itself it would be {self.pooling!r}, {why}"
        return f"the head reads {what}, {why}"

    def build_classifier(
        self,
        num_labels: int,
        pooling: str | None = None,
        labels: Sequence[str] | None = None,
        problem_type: str | None = None,
    ) -> tuple[Classifier, LoadReport]:
        """Builds a classifier with these weights.

        A trained sequence-classification head is loaded if it has the same pooling and as many
        labels; otherwise the head is new and listed in the report.

        Args:
            num_labels: Outputs of the head.
            pooling: "first" or "mean"; None takes the preset's own.
            labels: The names of the classes. If the head's labels have names too, it is loaded only
                if they are the same, with its rows in this order.
            problem_type: What the head is to say, in transformers' words; a trained head that says
                something else is not loaded. None asks for nothing.

        Returns:
            The model, and a report of what was loaded, is new, or was not read.

        Raises:
            PresetError: A tensor of the encoder is missing or misshapen.
            ConfigError: An argument cannot work.
        """
        pooling = pooling or self.pooling
        other = problem_type is not None and self.problem_type not in (None, problem_type)
        order = None if other else self._head_order(num_labels, pooling, labels)
        source = self._with_head(order, pooling)
        # Before the model is built: a wrong configuration must not take memory first.
        table = find_encoder(self.architecture).entries(self.arguments, num_labels, pooling)
        check_shapes(table, source.shapes, self.source)
        model = Classifier(self.architecture, self.arguments, num_labels, pooling, initialize=False)
        return model, self._fill(model, source)

    def build_tagger(self, tags: Sequence[str]) -> tuple[Tagger, LoadReport]:
        """Builds a tagger of tokens with these weights.

        A trained token-classification head is loaded if its tags have the same names, with its rows
        in this order; otherwise the head is new and listed in the report.

        Returns:
            The model, and a report of what was loaded, is new, or was not read.

        Raises:
            PresetError: A tensor of the encoder is missing or misshapen.
            ConfigError: An argument cannot work.

        Example:
            >>> model, report = pretrained.build_tagger(["O", "B-PER", "I-PER"])
        """
        order = None
        if self.tags is not None and sorted(self.tags) == sorted(tags):
            order = [self.tags.index(tag) for tag in tags]
        source = self._with_head(order, "none")
        table = find_encoder(self.architecture).entries(self.arguments, len(tags), "none")
        check_shapes(table, source.shapes, self.source)
        model = Tagger(self.architecture, self.arguments, len(tags), initialize=False)
        return model, self._fill(model, source)

    def _with_head(self, order: Sequence[int] | None, pooling: str) -> "_Source":
        """The tensors with the rows of the trained head in an order; without it for None."""
        tensors, shapes = self.tensors, self._shapes()
        family = find_encoder(self.architecture)
        head = [name for name in shapes if name.split(".")[0] in family.head_modules]
        if order is None:
            shapes = {name: shape for name, shape in shapes.items() if name not in head}
            return _Source(tensors, shapes, head)
        if list(order) != list(range(len(order))):
            output = family.output_module(pooling)
            rows = {name: tensors[name][order] for name in head if name.startswith(f"{output}.")}
            tensors = ChainMap(rows, tensors)  # type: ignore[arg-type]
        return _Source(tensors, shapes, [])

    def _fill(self, model: HeadedEncoder, source: "_Source") -> LoadReport:
        report = load_tensors(model, source.tensors, source.shapes, self.source)
        report.unread = sorted(report.unread + source.hidden)
        report.note = getattr(self.tensors, "note", None)
        return report

    def _head_order(
        self, num_labels: int, pooling: str, labels: Sequence[str] | None
    ) -> list[int] | None:
        """Which rows of the trained head to take, in order; None if it does not fit."""
        output = find_encoder(self.architecture).output_module(pooling)
        shape = self._shapes().get(f"{output}.weight")
        if self.head_pooling != pooling or shape is None or shape[0] != num_labels:
            return None
        if labels is None or self.labels is None:
            return list(range(num_labels))
        if sorted(labels) != sorted(self.labels):
            return None
        return [self.labels.index(label) for label in labels]

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        if isinstance(self.tensors, TensorFiles):
            return self.tensors.shapes
        return {name: tuple(tensor.shape) for name, tensor in self.tensors.items()}


@dataclass(frozen=True)
class _Source:
    """What to load: tensors, their shapes, and the names of those that are hidden."""

    tensors: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple[int, ...]]
    hidden: list[str]
