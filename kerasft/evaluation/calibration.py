"""Whether a classifier is right as often as its probabilities say.

Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), section 2: reliability
diagrams and the expected calibration error; Brier, "Verification of forecasts expressed in terms of
probability" (1950).
"""

from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Rows of like confidence.

    Attributes:
        confidence: The mean probability of what was predicted.
        accuracy: The share of them that was right.
    """

    rows: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How a classifier's probabilities fit what happened.

    Attributes:
        ece: Expected calibration error: the mean over the rows of |accuracy - confidence| of their
            bin; 0 is best.
        brier: Mean over the rows of the squared distance between the probabilities and the truth,
            summed over the classes; 0 is best, 2 the worst.
        bins: The bins, from the least confidence to the most.
    """

    ece: float
    brier: float
    bins: tuple[Bin, ...]


def calibration_of(labels: np.ndarray, probabilities: np.ndarray, bins: int = BINS) -> Calibration:
    """Measures how well probabilities are calibrated.

    The bins hold as many rows each as can be (Guo et al. take bins of like width, most of which are
    nearly empty for a good classifier); rows of the same confidence are never parted.

    Args:
        labels: (rows,) integers, the true classes.
        probabilities: (rows, classes), each row sums to 1.
        bins: How many bins at most.

    Example:
        >>> calibration_of(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]), bins=1)
        Calibration(ece=0.15, brier=0.05, bins=(Bin(rows=2, confidence=0.85, accuracy=1.0),))
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # (bins - 1,) inner edges; a row belongs to the first bin whose upper edge it does not exceed.
    edges = np.unique(np.quantile(confidence, np.arange(1, bins) / bins))
    number = np.searchsorted(edges, confidence, side="left")
    found = [
        Bin(int(inside.sum()), float(confidence[inside].mean()), float(right[inside].mean()))
        for inside in (number == index for index in range(len(edges) + 1))
        if inside.any()
    ]
    distance = probabilities - np.eye(probabilities.shape[1])[labels]  # (rows, classes)
    return Calibration(
        ece=sum(b.rows * abs(b.accuracy - b.confidence) for b in found) / len(labels),
        brier=float((distance**2).sum(axis=1).mean()),
        bins=tuple(found),
    )
