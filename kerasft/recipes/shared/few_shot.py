"""What recipes do with few rows per class: the encoder first learns which texts belong together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from kerasft.errors import ConfigError
from kerasft.recipes.shared.fine_tuning import FineTuningOptions
from kerasft.recipes.shared.targets import TargetOptions

if TYPE_CHECKING:
    import numpy as np

    from kerasft.architectures import Classifier
    from kerasft.tasks.labelled.batches import LabelledBatches
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.target import Target
    from kerasft.text.tokenizer import Tokenizer
    from kerasft.training.frozen_backbone import AboveBackbone

MOST_ROWS = 50
"""Of the largest class in training, where `auto` is on."""

PASSES, EPOCHS, STEPS, BATCH_SIZE, TEMPERATURE = 20, 2, 15, 32, 0.1
"""How often a text is seen, in so many epochs at least; the steps of an epoch, the texts of a step,
and the temperature of the loss."""


@dataclass
class FewShotOptions(FineTuningOptions, TargetOptions):
    """What is done with few rows per class.

    Args:
        few_shot: For few rows per class: first train the encoder to tell the classes apart (a
            contrastive loss), then fit the head. `on`, `off`, or `auto` (on if an adapter trains
            and each class has 2 to 50 training rows). `epochs`, `steps` and `batch_size` are then
            ignored.
    """

    group = "model and training"

    few_shot: Literal["auto", "on", "off"] = "auto"

    def few_shot_of(self, target: Target, dataset: Dataset, tokenizer: Tokenizer) -> FewShot | None:
        """What a run of few rows per class does; None where the run is none.

        Raises:
            ConfigError: `few_shot` is on, but cannot work with these rows or options.
        """
        if self.few_shot == "off":
            return None
        problem = self._problem(target, dataset)
        if problem and self.few_shot == "on":
            raise ConfigError(problem)
        if self.few_shot == "auto":
            most = 0 if problem else max(Counter(dataset.train["label"]).values())
            if problem or self.method == "full" or most > MOST_ROWS:
                return None
        return FewShot(target, dataset, tokenizer, self)

    def _problem(self, target: Target, dataset: Dataset) -> str | None:
        """Why it cannot be, as a sentence."""
        if self.method == "head":
            return (
                "--few_shot on tunes the encoder, which --method head freezes; give "
                "another method, or leave one of them out."
            )
        if self.early_stopping:
            return (
                "--early_stopping needs a validation loss, which --few_shot on does not have; "
                "leave one of them out."
            )
        if not target.takes_few_rows or dataset.has_pairs:
            return (
                "--few_shot on is for single texts of one class each, which these rows are not; "
                "leave it out."
            )
        name, rows = min(Counter(dataset.train["label"]).items(), key=lambda each: each[1])
        if rows < 2:
            return (
                f"--few_shot on needs two training rows of each class or more, but {name!r} has "
                "one; add rows, or leave it out."
            )
        return None


@dataclass(frozen=True)
class Objective:
    """What a run learns, and on what.

    Attributes:
        model: What is compiled and fitted.
        train: Its training batches.
        validation: Its validation batches, if there are any.
        epochs: Passes over the training batches.
        loss: A Keras loss.
        metrics: Keras's `weighted_metrics`.
    """

    model: Any
    train: Any
    validation: Any
    epochs: int
    loss: Any
    metrics: list[Any]

    @classmethod
    def of_labels(cls, above: AboveBackbone, target: Target, epochs: int) -> Objective:
        """The usual one: what the rows say of their texts."""
        return cls(
            above.model, above.train, above.validation, epochs, target.loss(), target.metrics()
        )

    @property
    def steps(self) -> int:
        """Steps in all."""
        return len(self.train) * self.epochs


@dataclass(frozen=True)
class FewShot:
    """A run with few rows per class: its batches, its loss and its head.

    Source: Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts" (SetFit): tune the
    encoder on pairs of texts of the same class and of different ones, then fit a logistic
    regression to its vectors. Here a batch is encoded once, and all pairs in it are compared.

    Example:
        >>> if few := config.few_shot_of(target, dataset, pretrained.tokenizer):
        ...     batches = few.batches(batches)
    """

    target: Target
    dataset: Dataset
    tokenizer: Tokenizer
    options: FewShotOptions

    @property
    def epochs(self) -> int:
        """Epochs of `STEPS` steps."""
        texts = PASSES * len(self.dataset.train)
        return max(EPOCHS, -(-texts // (STEPS * BATCH_SIZE)))

    @property
    def labels(self) -> np.ndarray:
        """(rows,) class ids of the training rows."""
        return self.target.encode(self.dataset.train["label"])

    def in_all_layers(self, model: Classifier) -> FewShotOptions:
        """The run's options with adapters in all layers, unless `last_layers` says otherwise."""
        layers = self.options.last_layers or len(model.backbone.blocks)
        return replace(self.options, last_layers=layers)

    def batches(self, batches: LabelledBatches) -> LabelledBatches:
        """The same with training batches of some classes and some texts of each."""
        from kerasft.data.contrastive_batches import ContrastiveBatches

        train = ContrastiveBatches(
            batches.encodings["train"].token_ids,
            self.labels,
            count=STEPS,
            batch_size=BATCH_SIZE,
            pad_id=self.tokenizer.pad_id,
            max_length=self.options.max_length,
            seed=self.options.seed,
        )
        return replace(batches, train=train)

    def objective(self, model: Classifier, above: AboveBackbone) -> Objective:
        """A loss over the vectors of a batch, which the last layer of the head reads.

        Args:
            above: What runs at every step of the model, with batches from `batches`.
        """
        from kerasft.architectures.sentence_vectors import SentenceVectors
        from kerasft.training.contrastive_loss import SupervisedContrastive

        vectors = SentenceVectors(model, above.model)
        return Objective(
            vectors, above.train, None, self.epochs, SupervisedContrastive(TEMPERATURE), []
        )

    def fit_head(self, model: Classifier, batches: LabelledBatches) -> list[str]:
        """Fits the last layer of the head to the vectors of the training texts.

        Args:
            model: Whose encoder has learned.

        Returns:
            Sentences on the run.
        """
        from kerasft.architectures.sentence_vectors import SentenceVectors
        from kerasft.data.batches import BucketedBatches
        from kerasft.training.linear_head import STRENGTH, fit_linear_head

        rows = BucketedBatches(
            batches.encodings["train"].token_ids,
            None,
            batch_size=BATCH_SIZE,
            pad_id=self.tokenizer.pad_id,
            max_length=self.options.max_length,
            shuffle=False,
            seed=self.options.seed,
        )
        vectors = rows.unsort(SentenceVectors(model, model).predict(rows, verbose=0))
        weighs = self.target.class_weight
        fit_linear_head(model.head[-1], vectors, self.labels, None if weighs == "none" else weighs)
        return [
            "the encoder learned which training texts are of one class (supervised contrastive "
            f"loss, temperature {TEMPERATURE:g}, {batches.train.batch_size} texts per batch); "
            "--few_shot off trains on the labels alone",
            f"the head is a logistic regression (C = {STRENGTH:g}) on the vectors of "
            f"{len(vectors)} training texts",
        ]
