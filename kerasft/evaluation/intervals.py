"""How far the scores of a test could lie from those of other rows of the same kind: the bootstrap.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (the percentile
interval).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DRAWS = 2000
LEVEL = 0.95
# Of the scores of each class on each draw: 40 MB a score, unless there are 100,000 classes.
MOST_NUMBERS, LEAST_DRAWS = 10_000_000, 100


@dataclass(frozen=True)
class Interval:
    """A score and the interval around it.

    Attributes:
        value: On all rows.
        low: The lower end.
        high: The upper end.
    """

    value: float
    low: float
    high: float


def class_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """What precision, recall and F1 are made of.

    Args:
        labels: (rows,) integers, the true classes.
        predicted: (rows,) integers.
        classes: How many there are.

    Returns:
        (3, classes) integers: hits, predictions and true rows of each class.
    """
    return np.stack(
        [
            np.bincount(labels[labels == predicted], minlength=classes),
            np.bincount(predicted, minlength=classes),
            np.bincount(labels, minlength=classes),
        ]
    )


def bootstrap(
    labels: np.ndarray,
    predictions: Mapping[str, np.ndarray],
    classes: int,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, dict[str, np.ndarray]]:
    """The scores of rows drawn with replacement, as many as there are, again and again.

    All classifiers are scored on the same draws, so that their differences are paired.

    Args:
        labels: (rows,) integers, the true classes.
        predictions: What each classifier predicted, (rows,) integers.
        classes: How many there are.
        draws: How often rows are drawn.
        seed: Chooses the draws.

    Returns:
        For each classifier what `scores_of` says of each draw: (draws,) the scores over all
        classes, (draws, classes) float32 those of each class; of more than 5,000 classes, these are
        of fewer draws, so that they stay within memory.

    Example:
        >>> drawn = bootstrap(labels, {"a": predicted}, classes=5)
        >>> interval(0.9, drawn["a"]["macro_f1"])
        Interval(value=0.9, low=0.87, high=0.92)
    """
    random = np.random.default_rng(seed)
    few = min(draws, max(LEAST_DRAWS, MOST_NUMBERS // classes))  # of each class's scores
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in predictions}
    for draw in range(draws):
        rows = random.integers(len(labels), size=len(labels))
        for name, predicted in predictions.items():
            scores = scores_of(class_counts(labels[rows], predicted[rows], classes))
            for key, value in scores.items():
                shape = (few, classes) if value.ndim else (draws,)
                kept = found[name].setdefault(
                    key, np.empty(shape, np.float32 if value.ndim else np.float64)
                )
                if draw < len(kept):
                    kept[draw] = value
    return found


def scores_of(counts: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of one `class_counts`, or of many.

    As in `evaluate`, a ratio of 0 / 0 counts as 0, and a mean over the classes leaves out those
    that occur neither among the labels nor among the predictions.

    Args:
        counts: (..., 3, classes) integers: hits, predictions and true rows.

    Returns:
        `accuracy`, `macro_precision`, `macro_recall`, `macro_f1`, each (...,); and `precision`,
        `recall`, `f1`, each (..., classes), NaN for a class that does not occur.
    """
    hits, predicted, true = np.moveaxis(counts, -2, 0)  # (..., classes) each
    occurs = predicted + true > 0
    per_class = {
        "precision": hits / np.maximum(predicted, 1),
        "recall": hits / np.maximum(true, 1),
        "f1": 2 * hits / np.maximum(predicted + true, 1),
    }
    number = occurs.sum(axis=-1)
    return {
        "accuracy": hits.sum(axis=-1) / true.sum(axis=-1),
        **{f"macro_{name}": score.sum(axis=-1) / number for name, score in per_class.items()},
        **{name: np.where(occurs, score, np.nan) for name, score in per_class.items()},
    }


def interval(value: float, draws: np.ndarray, level: float = LEVEL) -> Interval:
    """The percentile interval of a score.

    Args:
        value: The score on all rows.
        draws: (draws,) the score on each draw; NaN (a class that a draw lacks) is left out.
        level: The share of the draws that lie inside.
    """
    known = draws[~np.isnan(draws)]
    if not len(known):
        return Interval(value, value, value)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
