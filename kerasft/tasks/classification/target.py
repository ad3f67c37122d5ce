"""One label per text: what a classifier learns, and what it is scored and compared on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerasft.data.text_pairs import texts_of
from kerasft.errors import attempt
from kerasft.evaluation.label_scores import MAJORITY, TFIDF, majority
from kerasft.evaluation.plots import plot_confusion
from kerasft.evaluation.report_files import THIS_MODEL, ReportFile
from kerasft.evaluation.temperature import fit_temperature, softmax
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.task import ClassificationTask
from kerasft.tasks.classification.trust import Trust
from kerasft.tasks.labelled.doubtful_rows import DoubtfulRows, find_doubtful
from kerasft.tasks.labelled.target import Target
from kerasft.tasks.labelled.tfidf_process import tfidf_result
from kerasft.text.labels import LabelMap

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.scoring import Scores
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.encodings import LongTexts
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class ClassTarget(Target):
    """One label per text, of labels that exclude each other: cross-entropy.

    Attributes:
        labels: The names of the classes.
        class_weight: `balanced` weighs each training row by the inverse of its class's share, in
            the baselines too.
        is_open: Whether the temperature is still to be chosen.
        temperature: See `TextClassifier`.

    Example:
        >>> target = ClassTarget.learn(dataset, "balanced")
    """

    labels: LabelMap
    class_weight: Literal["none", "balanced"] = "none"
    is_open: bool = False
    temperature: float = 1.0

    scoring = ClassificationTask.scoring
    problem_type = ClassificationTask.problem_type
    takes_few_rows = True

    @classmethod
    def learn(
        cls,
        dataset: Dataset,
        class_weight: Literal["none", "balanced"] = "none",
        calibrate: bool = False,
    ) -> ClassTarget:
        """Takes the classes of the training rows.

        Args:
            calibrate: Whether `settle` is to choose a temperature.
        """
        return cls(LabelMap.from_labels(dataset.train["label"]), class_weight, calibrate)

    @property
    def row_weight(self) -> Literal["none", "balanced"]:
        """See `Target`."""
        return self.class_weight

    def encode(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.encode`: (rows,) int32."""
        return self.labels.encode(labels)

    def truth(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.truth`: (rows,) int32."""
        return self.labels.encode(labels)

    def loss(self) -> Any:
        """See `Target.loss`."""
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self) -> list[Any]:
        """See `Target.metrics`."""
        return ["accuracy"]

    def said(self, outputs: np.ndarray) -> np.ndarray:
        """See `Target.said`: (rows, classes) probabilities."""
        return softmax(outputs, self.temperature)

    def settle(self, outputs: np.ndarray, labels: Sequence[Any]) -> tuple[ClassTarget, list[str]]:
        """See `Target.settle`: the temperature."""
        found = fit_temperature(self.truth(labels), outputs, self.names)
        return replace(self, is_open=False, temperature=found.value), [found.note]

    def parts(
        self,
        model: Any,
        tokenizer: Tokenizer,
        max_length: int,
        cleaning: Cleaning,
        long_texts: LongTexts,
    ) -> TextClassifier:
        """See `Target.parts`."""
        return TextClassifier(
            model,
            tokenizer,
            self.labels,
            max_length,
            cleaning,
            long_texts,
            temperature=self.temperature,
        )

    def add_baselines(self, scores: Scores, dataset: Dataset) -> None:
        """Adds TF-IDF + logistic regression, and the majority class."""
        truth, names = self.truth(dataset.test["label"]), self.names
        weights = None if self.class_weight == "none" else self.class_weight
        train, validation = (
            (texts_of(part), self.encode(part["label"]))
            for part in (dataset.train, dataset.validation)
        )
        with attempt(f"The baseline {TFIDF}", scores.failures):
            baseline = tfidf_result(
                train, validation, texts_of(dataset.test), len(names), class_weight=weights
            )
            scores[TFIDF] = self.scoring.evaluate(truth, baseline.said, names)
            scores.baseline_said = baseline.said
            scores.baseline_choice, scores.baseline_costs = baseline.choice, baseline.costs
        scores[MAJORITY] = majority(train[1], truth, names)

    def findings(
        self, truth: np.ndarray, said: np.ndarray
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """See `Target.findings`: how far the probabilities can be trusted."""
        trust = Trust.of(truth, said, self.temperature)
        return trust.metrics, trust.sections

    def doubtful_rows(
        self, dataset: Dataset, features: tuple[str, np.ndarray] | None
    ) -> DoubtfulRows:
        """See `Target.doubtful_rows`."""
        return find_doubtful(dataset, self.labels, features)

    def pictures(self, scores: Scores, truth: np.ndarray, said: np.ndarray) -> Sequence[ReportFile]:
        """The confusion matrix, and how far the probabilities can be trusted."""
        return [
            ("confusion.png", lambda path: plot_confusion(scores[THIS_MODEL], path)),
            *Trust.of(truth, said, self.temperature).pictures,
        ]
