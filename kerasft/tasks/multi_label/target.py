"""Several labels per text: what a model learns, and how it is scored and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerasft.data.text_pairs import texts_of
from kerasft.errors import ConfigError, attempt
from kerasft.evaluation.report_files import THIS_MODEL, ReportFile
from kerasft.tasks.labelled.target import Target
from kerasft.tasks.labelled.tfidf_process import tfidf_result
from kerasft.tasks.multi_label.classifier import (
    HALF,
    MultiHot,
    MultiLabelClassifier,
    probabilities_of,
)
from kerasft.tasks.multi_label.pictures import plot_labels
from kerasft.tasks.multi_label.scores import MOST_FREQUENT, TFIDF
from kerasft.tasks.multi_label.task import MultiLabelTask
from kerasft.tasks.multi_label.tfidf_labels import TfidfLabels
from kerasft.tasks.multi_label.thresholds import (
    LEAST_POSITIVES,
    LEAST_ROWS,
    best_thresholds,
    describe_thresholds,
)
from kerasft.text.labels import LabelMap

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.scoring import Scores
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.tokenizer import LongTexts, Tokenizer

BEST = "f1"


@dataclass(frozen=True)
class LabelsTarget(Target):
    """Several labels per text, each learned independently: binary cross-entropy.

    Attributes:
        labels: The names of the labels.
        class_weight: `balanced` weighs the rows that have a label by how many have it not, for
            each that has it.
        positive_weights: One per label; () weighs all alike.
        thresholds: The probability from which on each label is said; () before they are chosen.
        fixed: The threshold of all labels; None chooses the best a label.

    Example:
        >>> target = LabelsTarget.learn(dataset, "balanced")
    """

    labels: LabelMap
    class_weight: Literal["none", "balanced"] = "none"
    positive_weights: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()
    fixed: float | None = None

    scoring = MultiLabelTask.scoring
    problem_type = MultiLabelTask.problem_type

    @classmethod
    def learn(
        cls,
        dataset: Dataset,
        class_weight: Literal["none", "balanced"] = "none",
        thresholds: str | float = BEST,
    ) -> LabelsTarget:
        """Takes the labels of the training rows.

        Args:
            dataset: The rows.
            class_weight: See the class.
            thresholds: "f1" for the best F1 of each label on the validation rows, or one number.

        Raises:
            ConfigError: The thresholds are neither.
        """
        fixed = _fixed(thresholds)
        names = {name for label in dataset.train["label"] for name in label}
        labels = LabelMap.from_labels(names)
        weights: tuple[float, ...] = ()
        if class_weight == "balanced":
            ones = MultiHot(labels).encode(dataset.train["label"]).sum(axis=0)
            # A label that every row has is weighed as one that half of them have.
            zeros = len(dataset.train) - ones
            weights = tuple(np.where(zeros > 0, zeros / ones, 1.0).tolist())
        return cls(labels, class_weight, weights, fixed=fixed)

    def encode(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.encode`: (rows, labels) float32, 0 or 1."""
        return MultiHot(self.labels).encode(labels)

    def truth(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.truth`: (rows, labels) 0 or 1."""
        return self.encode(labels)

    def loss(self) -> Any:
        """See `Target.loss`."""
        from kerasft.training.label_losses import BinaryCrossEntropy

        return BinaryCrossEntropy(self.positive_weights or None)

    def metrics(self) -> list[Any]:
        """See `Target.metrics`: micro-F1 at thresholds of 0.5."""
        from kerasft.training.label_losses import MicroF1

        return [MicroF1()]

    def said(self, outputs: np.ndarray) -> np.ndarray:
        """See `Target.said`: (rows, labels, 2)."""
        found = probabilities_of(outputs)
        return np.stack([found, found >= self._thresholds], axis=-1)

    @property
    def is_open(self) -> bool:
        """The thresholds are."""
        return True

    def settle(self, outputs: np.ndarray, labels: Sequence[Any]) -> tuple[LabelsTarget, list[str]]:
        """See `Target.settle`: the thresholds."""
        truth = self.truth(labels)
        few = len(truth) < LEAST_ROWS
        if self.fixed is not None or few:
            value = HALF if self.fixed is None else self.fixed
            found = np.full(self.outputs, value)
            why = "as --thresholds says"
            if self.fixed is None:
                why = f"since {len(truth)} validation rows are too few to choose others"
            said = f"labels are predicted from a probability of {value:g} on, {why}"
        else:
            found = best_thresholds(truth, probabilities_of(outputs))
            said = (
                "the threshold of each label is the one with the best F1 on the validation "
                f"rows: {describe_thresholds(self.names, found)}"
            )
            if rare := int((truth.sum(axis=0) < LEAST_POSITIVES).sum()):
                said += (
                    f" ({rare} of them stay at {HALF:g}, since fewer than {LEAST_POSITIVES} "
                    "validation rows have them)"
                )
        return replace(self, thresholds=tuple(found.tolist())), [said]

    def parts(
        self,
        model: Any,
        tokenizer: Tokenizer,
        max_length: int,
        cleaning: Cleaning,
        long_texts: LongTexts,
    ) -> MultiLabelClassifier:
        """See `Target.parts`."""
        thresholds = tuple(self._thresholds.tolist())
        return MultiLabelClassifier(
            model, tokenizer, self.labels, max_length, cleaning, long_texts, thresholds=thresholds
        )

    def add_baselines(self, scores: Scores, dataset: Dataset) -> None:
        """Adds TF-IDF + a logistic regression a label, and the most frequent label."""
        truth, names = self.truth(dataset.test["label"]), self.names
        weights = None if self.class_weight == "none" else self.class_weight
        train, validation = (
            (texts_of(part), self.encode(part["label"]).astype(int))
            for part in (dataset.train, dataset.validation)
        )
        with attempt(f"The baseline {TFIDF}", scores.failures):
            baseline = tfidf_result(
                train,
                validation,
                texts_of(dataset.test),
                len(names),
                class_weight=weights,
                kind=TfidfLabels,
            )
            scores[TFIDF] = self.scoring.evaluate(truth, baseline.said, names)
            scores.baseline_said = baseline.said
            scores.baseline_choice, scores.baseline_costs = baseline.choice, baseline.costs
        shares = train[1].mean(axis=0)
        always = np.stack([shares, np.arange(len(names)) == shares.argmax()], axis=-1)
        scores[MOST_FREQUENT] = self.scoring.evaluate(
            truth, np.tile(always, (len(truth), 1, 1)), names
        )

    def pictures(self, scores: Scores, truth: np.ndarray, said: np.ndarray) -> Sequence[ReportFile]:
        """Adds the scores of each label."""
        return [
            ("labels.png", lambda path: plot_labels(scores[THIS_MODEL], scores.get(TFIDF), path))
        ]

    @property
    def _thresholds(self) -> np.ndarray:
        return np.array(self.thresholds or [HALF] * self.outputs)


def _fixed(thresholds: str | float) -> float | None:
    """The threshold of all labels, or None for "f1"."""
    if thresholds == BEST:
        return None
    try:
        value = float(thresholds)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise ConfigError(
            f"--thresholds is {thresholds}; give f1 for the best F1 of each label on the "
            "validation rows, or one number above 0 and below 1, such as 0.5."
        )
    return value
