"""How much of a score, or of a difference of scores, may be chance: bootstrap, McNemar's test.

Source: Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13 (the percentile
interval).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

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
    """

    value: float
    low: float
    high: float


def class_counts(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """What precision, recall and F1 are made of.

    Args:
        labels: (rows,) integers, the true classes.
        predicted: (rows,) integers.

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


@dataclass(frozen=True)
class McNemar:
    """What two classifiers got right, and how likely such a difference is by chance.

    Attributes:
        only_first: Rows that the first alone got right.
        only_second: Rows that the second alone got right.
        p: Probability of a split of these rows that is at least as uneven, if either classifier
            were as likely as the other to be the one that is right.
    """

    only_first: int
    only_second: int
    p: float


@dataclass(frozen=True)
class Difference:
    """The score of one classifier less that of another.

    Attributes:
        value: On all rows.
        low: The lower end of its 95 % interval.
        p: Two-sided, from how many of the draws lie on the other side of 0.
    """

    value: float
    low: float
    high: float
    p: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0, and p, which few draws make larger, is below 0.05."""
        return (self.low > 0 or self.high < 0) and self.p < 0.05


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """The exact test of McNemar on the accuracy of two classifiers.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions or
    percentages" (1947); Dietterich, "Approximate Statistical Tests for Comparing Supervised
    Classification Learning Algorithms" (1998), section 3.1. Exact: the binomial distribution in
    place of its approximation by chi-squared.

    Args:
        first_right: (rows,) booleans, whether the first classifier is right.
        second_right: (rows,) booleans, likewise.

    Example:
        >>> mcnemar(np.array([True] * 6), np.array([False] * 6)).p   # 2 / 2**6
        0.03125
    """
    from scipy.special import bdtr

    only_first = int((first_right & ~second_right).sum())
    only_second = int((second_right & ~first_right).sum())
    # The binomial's tail by the incomplete beta function: sums of exact coefficients take minutes
    # where ten thousands of rows are told apart.
    tail = float(bdtr(min(only_first, only_second), only_first + only_second, 0.5))
    return McNemar(only_first, only_second, min(1.0, 2 * tail))


def paired_difference(
    first: float, second: float, first_draws: np.ndarray, second_draws: np.ndarray
) -> Difference:
    """The difference of a score on the same bootstrap draws.

    Args:
        first: The first classifier's score on all rows.
        first_draws: (draws,) the first's score on each draw.
        second_draws: (draws,) the second's, on the same draws; a NaN leaves a draw out.
    """
    draws = first_draws - second_draws
    draws = draws[~np.isnan(draws)]
    # One more draw on either side: no number of draws proves a probability of 0.
    tail = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = min(1.0, 2 * tail / (len(draws) + 1))
    return Difference(**asdict(interval(first - second, draws)), p=p)
