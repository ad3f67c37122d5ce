"""What a classifier gains by not answering where it is unsure: coverage against accuracy.

Source: Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks" (2017), section 2,
with the largest probability as the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np

COVERAGES = (1.0, 0.9, 0.7)
# Digits of a threshold, which people type.
DIGITS = 1e4


@dataclass(frozen=True)
class Selection:
    """What is answered from one confidence on.

    Attributes:
        min_confidence: Texts of which the largest probability is lower get no label.
        coverage: The share of the texts that get one.
        accuracy: The share of these that is right.
        wrong: Rows with a wrong label.
    """

    min_confidence: float
    coverage: float
    accuracy: float
    wrong: int


def selections(labels: np.ndarray, probabilities: np.ndarray) -> list[Selection]:
    """The thresholds that answer about 100, 90 and 70 % of the rows.

    Rows of the same confidence are never parted, so that there may be fewer of them.

    Args:
        labels: (rows,) integers, the true classes.
        probabilities: (rows, classes), each row sums to 1.

    Example:
        >>> selections(np.array([0, 1]), np.array([[0.9, 0.1], [0.6, 0.4]]))
        [Selection(min_confidence=0.0, coverage=1.0, accuracy=0.5, wrong=1)]
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    sure = np.sort(confidence)[::-1]
    found: dict[int, Selection] = {}
    for share in COVERAGES:
        least = sure[ceil(share * len(labels)) - 1]
        # Rounded down, so that a threshold that is typed answers what the table says.
        threshold = 0.0 if share == 1 else floor(least * DIGITS) / DIGITS
        answered = confidence >= threshold
        count, good = int(answered.sum()), int(right[answered].sum())
        found.setdefault(
            count, Selection(threshold, count / len(labels), good / count, count - good)
        )
    return list(found.values())


def coverage_curve(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The accuracy among the surest rows, for every share of them.

    Args:
        labels: (rows,) integers, the true classes.
        probabilities: (rows, classes), each row sums to 1.

    Returns:
        Coverages (points,) from the least to 1, and accuracies (points,).
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    order = np.argsort(-confidence, kind="stable")
    counts = np.arange(1, len(labels) + 1)
    # Rows of the same confidence come together.
    ends = np.append(np.diff(confidence[order]) != 0, True)
    return (counts / len(labels))[ends], (np.cumsum(right[order]) / counts)[ends]
