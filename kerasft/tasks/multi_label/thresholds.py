"""The thresholds of labels, chosen on validation rows for each label.

Source: Yang, "A Study on Thresholding Strategies for Text Categorization" (2001), section 2.3
(SCut: one threshold per label, the best on held-out rows).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasft.tasks.multi_label.classifier import HALF

# Of fewer validation rows, and for a label with fewer of them, the best threshold is chance.
LEAST_ROWS = 50
LEAST_POSITIVES = 4


def best_thresholds(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The thresholds with the best F1, of equals the nearest to 0.5.

    They lie halfway between two probabilities of the validation rows. A label that fewer than
    `LEAST_POSITIVES` rows have stays at 0.5, as all do with fewer than `LEAST_ROWS` rows.

    Args:
        truth: (rows, labels) 0 or 1.
        probabilities: (rows, labels).

    Returns:
        (labels,) float64, each above 0 and below 1.

    Example:
        >>> best_thresholds(truth, probabilities).round(2)
        array([0.41, 0.5 , 0.28])
    """
    found = np.full(truth.shape[1], HALF)
    if len(truth) < LEAST_ROWS:
        return found
    for label in np.flatnonzero(truth.sum(axis=0) >= LEAST_POSITIVES):
        found[label] = _best(truth[:, label], probabilities[:, label])
    return found


def _best(truth: np.ndarray, probabilities: np.ndarray) -> float:
    order = np.argsort(-probabilities, kind="stable")
    hits = np.cumsum(truth[order])
    f1 = 2 * hits / (np.arange(1, len(order) + 1) + truth.sum())  # if so many rows are said
    falling = probabilities[order]
    between = (falling + np.append(falling[1:], 0.0)) / 2
    # Rows of one probability cannot be told apart.
    real = np.append(falling[:-1] > falling[1:], True) & (between > 0) & (between < 1)
    if not real.any():
        return HALF
    best = f1[real].max()
    level = between[real & (f1 >= best - 1e-12)]
    return float(level[np.abs(level - HALF).argmin()])


def describe_thresholds(names: Sequence[str], thresholds: np.ndarray) -> str:
    """The thresholds in a sentence's half: "billing 0.41, urgent 0.28"."""
    return ", ".join(f"{name} {value:.2f}" for name, value in zip(names, thresholds, strict=True))
