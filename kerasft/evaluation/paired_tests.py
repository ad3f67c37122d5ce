"""Whether one classifier is better than another on the same rows, or was only lucky."""

from dataclasses import asdict, dataclass

import numpy as np

from kerasft.evaluation.intervals import interval


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
        high: The upper end.
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


def difference(
    first: float, second: float, first_draws: np.ndarray, second_draws: np.ndarray
) -> Difference:
    """The difference of a score on the same bootstrap draws.

    Args:
        first: The first classifier's score on all rows.
        second: The second's.
        first_draws: (draws,) the first's score on each draw.
        second_draws: (draws,) the second's, on the same draws; a NaN leaves a draw out.
    """
    draws = first_draws - second_draws
    draws = draws[~np.isnan(draws)]
    # One more draw on either side: no number of draws proves a probability of 0.
    tail = 1 + min(int((draws <= 0).sum()), int((draws >= 0).sum()))
    p = min(1.0, 2 * tail / (len(draws) + 1))
    return Difference(**asdict(interval(first - second, draws)), p=p)
