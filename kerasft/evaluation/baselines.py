"""What simple methods reach on the same split; a model that does not beat them is not worth it."""

from collections.abc import Sequence

import numpy as np

from kerasft.evaluation.classification import Metrics, evaluate
from kerasft.evaluation.tfidf_baseline import TfidfBaseline

TFIDF = "TF-IDF + logistic regression"
MAJORITY = "majority class"


def majority(train_labels: np.ndarray, test_labels: np.ndarray, names: Sequence[str]) -> Metrics:
    """Always answers the most frequent training class; its probabilities are the training shares.

    Args:
        train_labels: (training rows,) integers.
        test_labels: (test rows,) integers.
        names: The classes' names, in id order.

    Returns:
        As `evaluate`.
    """
    shares = np.bincount(train_labels, minlength=len(names)) / len(train_labels)
    return evaluate(test_labels, np.tile(shares, (len(test_labels), 1)), names)


def tfidf(
    train_texts: Sequence[str],
    train_labels: np.ndarray,
    test_texts: Sequence[str],
    test_labels: np.ndarray,
    names: Sequence[str],
    *,
    class_weight: str | None = None,
    C: float = 1.0,
) -> Metrics:
    """Scores a `TfidfBaseline`, fitted on the training rows alone.

    Args:
        train_texts: The training texts.
        train_labels: (training rows,) integers.
        test_texts: The test texts.
        test_labels: (test rows,) integers.
        names: The classes' names, in id order.
        class_weight: "balanced" weighs each class by the inverse of its share; None does not.
        C: The inverse strength of the L2 penalty.

    Returns:
        As `evaluate`.

    Raises:
        DataError: The training rows hold one class only, or no word at all.
    """
    baseline = TfidfBaseline.fit(
        train_texts, train_labels, len(names), class_weight=class_weight, C=C
    )
    return evaluate(test_labels, baseline.probabilities(test_texts), names)


def baselines(
    train_texts: Sequence[str],
    train_labels: np.ndarray,
    test_texts: Sequence[str],
    test_labels: np.ndarray,
    names: Sequence[str],
    *,
    class_weight: str | None = None,
) -> dict[str, Metrics]:
    """Both baselines by their printed names, ready for `comparison`; arguments as `tfidf`."""
    return {
        TFIDF: tfidf(
            train_texts, train_labels, test_texts, test_labels, names, class_weight=class_weight
        ),
        MAJORITY: majority(train_labels, test_labels, names),
    }
