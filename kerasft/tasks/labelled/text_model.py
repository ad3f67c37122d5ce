"""What is saved of a model that reads texts: the model, its tokenizer, labels and settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kerasft.errors import ConfigError
from kerasft.tasks.columns import said
from kerasft.text.cleaning import Cleaning

if TYPE_CHECKING:
    from kerasft.architectures import Classifier
    from kerasft.tasks.labelled.batches import EncodesLabels, LabelledBatches
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.text.encodings import LongTexts
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TextModel:
    """A model that predicts something for texts; each task has its own class.

    Attributes:
        model: An encoder with a head, with its adapters on it (unmerged) if it has any.
        labels: The names of the head's outputs.
        max_length: Tokens that a text is cut at.
        cleaning: What is done to each text before the tokenizer.
        long_texts: What is kept of texts longer than `max_length`; see `Tokenizer.encode`.
        text_pairs: Whether it reads pairs of texts, (text, text_pair), and not single ones.
    """

    model: Classifier
    tokenizer: Tokenizer
    labels: LabelMap
    max_length: int
    cleaning: Cleaning = field(default_factory=Cleaning)
    long_texts: LongTexts = "cut"
    text_pairs: bool = False

    @property
    def encoder(self) -> EncodesLabels:
        """Turns the labels of rows into arrays."""
        return self.labels

    @property
    def gives_segments(self) -> bool:
        """Whether the model is given `segment_ids`: it reads pairs and has segments."""
        return self.text_pairs and self.model.reads_segments

    def batches(
        self,
        data: Dataset,
        *,
        batch_size: int = 16,
        seed: int = 0,
        class_weight: str = "none",
        group_by_length: bool | None = None,
    ) -> LabelledBatches:
        """The texts and labels of a dataset as this model reads them; see `labelled_batches`.

        Raises:
            ConfigError: The parts do not fit each other (labels and head, `max_length` and
                positions), or the rows are pairs of texts and the model reads single ones.

        Example:
            >>> batches = classifier.batches(load_data("mails.csv"))
            >>> classifier.model.fit(batches.train, validation_data=batches.validation)
        """
        from kerasft.tasks.headed_encoder import check_fit
        from kerasft.tasks.labelled.batches import labelled_batches

        check_fit(self)
        if data.has_pairs != self.text_pairs:
            rows = "pairs of texts" if data.has_pairs else "single texts"
            raise ConfigError(f"the rows are {rows}; set text_pairs={data.has_pairs}.")
        return labelled_batches(
            data,
            self.tokenizer,
            self.encoder,
            segments=self.model.reads_segments,
            max_length=self.max_length,
            long_texts=self.long_texts,
            batch_size=batch_size,
            seed=seed,
            class_weight=class_weight,
            group_by_length=group_by_length,
        )


@dataclass(frozen=True)
class TextModelFacts:
    """What is said of a folder of such a model; each task has a class of its own."""

    pooling: str = said("What the head reads: the first token, or the mean of the tokens.")
    cleaning: dict[str, Any] = said("What is done to each text before the tokenizer.")
    text_pairs: bool = said("Whether it reads pairs of texts, and not single ones.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
