"""Logistic regression over TF-IDF: what a classifier has to beat, and what it costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kerasft.errors import DataError

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

# Texts that are timed, how many at a time, and how often.
TIMED_TEXTS = 64
TIMED_SIZES = (1, 32)
TIMED_ROUNDS = 5


@dataclass(frozen=True)
class TfidfBaseline:
    """Logistic regression over TF-IDF of words and word pairs, fitted.

    Words are scikit-learn's: runs of two or more letters or digits, lowercased. Counts enter as
    1 + log(count).

    Attributes:
        vectorizer: Counts words and word pairs.
        classifier: Weighs them.
        classes: How many classes there are, also those without training rows.
        fit_seconds: How long the fit took.

    Example:
        >>> baseline = TfidfBaseline.fit(["a goal", "the bank"], np.array([0, 1]), 2)
        >>> baseline.probabilities(["a late goal"]).shape
        (1, 2)
    """

    vectorizer: TfidfVectorizer
    classifier: LogisticRegression
    classes: int
    fit_seconds: float

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        labels: np.ndarray,
        classes: int,
        *,
        class_weight: str | None = None,
        C: float = 1.0,
    ) -> TfidfBaseline:
        """Fits it on training rows.

        Args:
            texts: The training texts.
            labels: (training rows,) integers.
            classes: How many classes there are.
            class_weight: "balanced" weighs each class by the inverse of its share; None does not.
            C: The inverse strength of the L2 penalty.

        Raises:
            DataError: The training rows hold one class only, or no word at all.
        """
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(labels)) < 2:
            raise DataError("The training rows hold one class only, so there is nothing to learn.")
        start = time.perf_counter()
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        try:
            counts = vectorizer.fit_transform(texts)
        except ValueError as error:
            if "empty vocabulary" not in str(error):
                raise
            raise DataError(
                "No training text has a word (two letters or digits in a row), so the TF-IDF "
                "baseline has nothing to count."
            ) from error
        classifier = LogisticRegression(C=C, class_weight=class_weight, max_iter=1000)
        classifier.fit(counts, labels)
        return cls(vectorizer, classifier, classes, time.perf_counter() - start)

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """The probabilities (texts, classes) float64 of texts."""
        # A class without training rows has no column; its probability is 0.
        found = np.zeros((len(texts), self.classes))
        found[:, self.classifier.classes_] = self.classifier.predict_proba(
            self.vectorizer.transform(texts)
        )
        return found

    def costs(self, texts: Sequence[str]) -> dict[str, object]:
        """What it takes, as JSON can hold it.

        Args:
            texts: Some texts to time it with; the first 64 are used.

        Returns:
            `seconds` of the fit; `parameters` {`trained`, `frozen`}, the coefficients; `bytes` of
            them, of the words' weights and of the words themselves; `ms_per_text` {"1", "32"},
            milliseconds a text where so many are asked at a time (the median of 5 rounds).
        """
        coefficients = self.classifier.coef_.size + self.classifier.intercept_.size
        words = sum(len(word.encode()) + 1 for word in self.vectorizer.vocabulary_)
        numbers = (self.classifier.coef_, self.classifier.intercept_, self.vectorizer.idf_)
        return {
            "seconds": self.fit_seconds,
            "parameters": {"trained": coefficients, "frozen": 0},
            "bytes": words + sum(array.nbytes for array in numbers),
            "ms_per_text": {str(size): self._milliseconds(texts, size) for size in TIMED_SIZES},
        }

    def _milliseconds(self, texts: Sequence[str], size: int) -> float:
        texts = texts[:TIMED_TEXTS]
        rounds = []
        for _ in range(TIMED_ROUNDS):
            start = time.perf_counter()
            for first in range(0, len(texts), size):
                self.probabilities(texts[first : first + size])
            rounds.append(time.perf_counter() - start)
        return 1000 * float(np.median(rounds)) / len(texts)
