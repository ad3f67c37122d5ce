"""Rows whose label is probably wrong, from probabilities of a model that was not fitted on them.

Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels"
(2021), section 3.1; the rows are those of cleanlab's `find_label_issues` with
`filter_by="confident_learning"` and `return_indices_ranked_by="normalized_margin"`.
"""

from __future__ import annotations

import numpy as np

# cleanlab's: what misses a threshold by rounding reaches it.
ROUNDING = 1e-6


def label_issues(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The rows off the diagonal of the confident joint, the worst first.

    A row counts as of a class if its probability of that class reaches the class's threshold: the
    mean of that probability over the rows that bear its label; of several, the most probable one
    counts. A row that so counts as of another class than its label's, which is not the most
    probable one, is an issue. The worst is the one whose label is the furthest below the most
    probable other class.

    Args:
        labels: (rows,) integers, the classes that the data says; each class has a row.
        probabilities: (rows, classes), out of sample.

    Returns:
        (issues,) row numbers.

    Example:
        >>> label_issues(np.array([0, 0, 1, 1]), np.array([[.9, .1], [.1, .9], [.2, .8], [.1, .9]]))
        array([1])
    """
    rows, classes = probabilities.shape
    own = probabilities[np.arange(rows), labels]  # (rows,)
    thresholds = np.bincount(labels, own, classes) / np.bincount(labels, minlength=classes)
    thresholds = np.maximum(thresholds, 2 * ROUNDING)  # or a probability of 0 would reach it
    reached = probabilities >= thresholds - ROUNDING  # (rows, classes)
    counted_as = np.where(
        reached.sum(axis=1) > 1, probabilities.argmax(axis=1), reached.argmax(axis=1)
    )
    below = margins(labels, probabilities)
    issues = np.flatnonzero(reached.any(axis=1) & (counted_as != labels) & (below < -ROUNDING))
    return issues[np.argsort(below[issues], kind="stable")]


def margins(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """How much more probable the label is than the most probable other class: (rows,) -1 to 1.

    Args:
        labels: (rows,) integers.
        probabilities: (rows, classes).
    """
    places = np.arange(len(labels))
    others = probabilities.copy()
    others[places, labels] = -np.inf
    return probabilities[places, labels] - others.max(axis=1)
