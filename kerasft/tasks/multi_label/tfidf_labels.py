"""Logistic regression over TF-IDF, one per label: the baseline of several labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np

from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.tasks.multi_label.classifier import HALF, probabilities_of
from kerasft.tasks.multi_label.scores import average_precision
from kerasft.tasks.multi_label.thresholds import best_thresholds
from kerasft.text.pairs import Text


@dataclass(frozen=True)
class PerLabel:
    """A logistic regression a label.

    Attributes:
        coef_: (labels, features) float64.
        intercept_: (labels,) float64; minus or plus infinity for a label that no training row has,
            or all have.
    """

    coef_: np.ndarray
    intercept_: np.ndarray


@dataclass(frozen=True)
class TfidfLabels(TfidfBaseline):
    """TF-IDF as for one label; each label is told from its absence by itself.

    What is counted and how strong the penalty is, is chosen by the macro average precision on the
    validation rows; then each label gets the threshold with the best F1 there, as the model does.

    Attributes:
        thresholds: (labels,) float64.
    """

    thresholds: np.ndarray | None = None

    measure: ClassVar[str] = "macro average precision"
    nothing: ClassVar[str] = "No label is in some training rows and not in all of them."

    @staticmethod
    def learnable(labels: np.ndarray) -> bool:
        """See `TfidfBaseline.learnable`."""
        return bool(_varied(labels).any())

    @staticmethod
    def members(labels: np.ndarray) -> Any:
        """See `TfidfBaseline.members`: a class a label."""
        import scipy.sparse

        varied = labels[:, _varied(labels)].astype(np.float32)
        return scipy.sparse.csr_matrix(varied.T)

    @staticmethod
    def weigh(counts: Any, labels: np.ndarray, C: float, class_weight: str | None) -> PerLabel:
        """See `TfidfBaseline.weigh`."""
        from sklearn.linear_model import LogisticRegression

        coefficients = np.zeros((labels.shape[1], counts.shape[1]))
        intercepts = np.where(labels[0] > 0, np.inf, -np.inf)
        for label in np.flatnonzero(_varied(labels)):
            model = LogisticRegression(C=C, class_weight=class_weight, max_iter=1000)
            model.fit(counts, labels[:, label])
            coefficients[label], intercepts[label] = model.coef_[0], model.intercept_[0]
        return PerLabel(coefficients, intercepts)

    def settled(self, texts: Sequence[Text], labels: np.ndarray) -> Self:
        """With a threshold per label."""
        return replace(self, thresholds=best_thresholds(labels, self.probabilities(texts)))

    def probabilities(self, texts: Sequence[Text]) -> np.ndarray:
        """The probabilities (texts, labels) float64 of texts."""
        counts = self.vectorizer.transform(texts)
        return probabilities_of(counts @ self.classifier.coef_.T + self.classifier.intercept_)

    def said(self, texts: Sequence[Text]) -> np.ndarray:
        """(texts, labels, 2), as `LabelsScoring` takes it."""
        found = self.probabilities(texts)
        return np.stack(
            [found, found >= (HALF if self.thresholds is None else self.thresholds)], -1
        )

    def scores(self, texts: Sequence[Text], labels: np.ndarray) -> tuple[float, float]:
        """See `TfidfBaseline.scores`: macro average precision, and binary cross-entropy."""
        found = self.probabilities(texts)
        likely = np.clip(np.where(labels > 0, found, 1 - found), 1e-15, 1)
        return average_precision(labels, found)[1], float(-np.log(likely).mean())


def _varied(labels: np.ndarray) -> np.ndarray:
    """Which labels some rows have and some have not: (labels,) bool."""
    return np.asarray((labels.min(axis=0) < 1) & (labels.max(axis=0) > 0))
