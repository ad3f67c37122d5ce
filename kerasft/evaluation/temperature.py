"""Temperature scaling: one number that makes a classifier as sure as it is right.

Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), section 4.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LEAST_ROWS = 200
"""Validation rows, below which one number is more chance than knowledge."""
LOWEST, HIGHEST = 0.1, 10.0
STEPS = 60  # halvings of the range, far beyond what a float can tell


@dataclass(frozen=True)
class Temperature:
    """What logits are divided by before the softmax.

    Attributes:
        value: Above 0; 1 changes nothing.
        note: A sentence: what it was chosen on, or why it is 1.
    """

    value: float
    note: str


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities (texts, labels) float64 of logits (texts, labels).

    Args:
        temperature: See `Temperature`; the order of the labels does not depend on it.

    Example:
        >>> softmax(np.array([[1.0, 3.0]]), 2.0).round(3)
        array([[0.269, 0.731]])
    """
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted / temperature)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def fit_temperature(labels: np.ndarray, logits: np.ndarray, names: Sequence[str]) -> Temperature:
    """Chooses the temperature with the least mean of -log p(true class) on held-out rows.

    That mean is convex in 1 / temperature, so halving a range finds its only minimum. Where each
    row is right there is none (the colder, the better), and the temperature stays at 1; it never
    leaves the range from 0.1 to 10.

    Args:
        labels: (rows,) integers, the true classes.
        logits: (rows, classes), of rows that the model was not trained on.
        names: The classes' names, in id order.

    Example:
        >>> fit_temperature(labels, 3 * logits, names).value
        3.02
    """
    rows = len(labels)
    if rows < LEAST_ROWS:
        return Temperature(
            1.0, f"not calibrated: {rows} validation rows are fewer than {LEAST_ROWS}"
        )
    if not np.isfinite(logits).all():
        return Temperature(1.0, "not calibrated: the model computes NaN or infinity")
    if (logits.argmax(axis=1) == labels).all():
        return Temperature(
            1.0,
            f"not calibrated: all {rows} validation rows are right, so they cannot show how "
            "much confidence is too much",
        )
    value = _minimum(labels, logits.astype(np.float64))
    before, after = (_loss(labels, logits, each) for each in (1.0, value))
    note = (
        f"logits are divided by {value:.3f}, chosen on {rows} validation rows (log loss "
        f"{before:.3f} before, {after:.3f} after)"
    )
    if value in (LOWEST, HIGHEST):
        note += "; that is the limit"
    if missing := len(names) - len(np.unique(labels)):
        note += f"; {missing} of {len(names)} classes have no row among them and are scaled alike"
    return Temperature(value, note)


def _minimum(labels: np.ndarray, logits: np.ndarray) -> float:
    """The best temperature: where the loss neither rises nor falls with it."""
    true = logits[np.arange(len(labels)), labels]  # (rows,)

    def is_too_cold(temperature: float) -> bool:
        # The loss's derivative by 1 / temperature: what the model expects of the logits, less what
        # the true class has.
        expected = (softmax(logits, temperature) * logits).sum(axis=1)
        return bool((expected - true).mean() > 0)

    if not is_too_cold(LOWEST):
        return LOWEST
    if is_too_cold(HIGHEST):
        return HIGHEST
    low, high = np.log(LOWEST), np.log(HIGHEST)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_too_cold(np.exp(middle)) else (low, middle)
    return float(np.exp((low + high) / 2))


def _loss(labels: np.ndarray, logits: np.ndarray, temperature: float) -> float:
    right = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(np.maximum(right, np.finfo(np.float32).tiny)).mean())
