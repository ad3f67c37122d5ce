import time

import numpy as np
import pytest
from scipy import stats

from kerasft.evaluation.intervals import bootstrap
from kerasft.evaluation.paired_tests import Difference, McNemar, difference, mcnemar


@pytest.mark.parametrize(
    ("only_first", "only_second"), [(6, 0), (3, 9), (9, 3), (700, 640), (5, 5)]
)
def test_mcnemar_is_the_binomial_test(only_first, only_second):
    both = 40
    first = np.array([True] * (both + only_first) + [False] * only_second)
    second = np.array([True] * both + [False] * only_first + [True] * only_second)
    found = mcnemar(first, second)
    expected = stats.binomtest(only_first, only_first + only_second).pvalue
    assert (found.only_first, found.only_second) == (only_first, only_second)
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_rows_takes_no_time():
    first = np.arange(200_000) % 2 == 0
    start = time.perf_counter()
    assert mcnemar(first, ~first).p == pytest.approx(1.0, rel=1e-9)
    first[:2_000] = True
    expected = stats.binomtest(101_000, 200_000).pvalue
    assert mcnemar(first, ~first).p == pytest.approx(expected, rel=1e-6)
    assert time.perf_counter() - start < 10  # sums of whole numbers take hours


def test_mcnemar_of_equals():
    right = np.array([True, False, True])
    assert mcnemar(right, right) == McNemar(0, 0, 1.0)


def compared(truth, first, second, classes=2):
    drawn = bootstrap(truth, {"first": first, "second": second}, classes, draws=500)
    scores = [drawn[name]["accuracy"] for name in ("first", "second")]
    return difference((truth == first).mean(), (truth == second).mean(), *scores)


def test_a_clear_difference():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    second = np.where(random.random(400) < 0.2, 1 - truth, truth)
    found = compared(truth, truth, second)
    assert found.is_clear and found.low > 0.1 and found.high < 0.3
    assert found.p == pytest.approx(2 / 501)  # never 0: no number of draws proves that
    turned = compared(truth, second, truth)
    assert turned.value == -found.value and turned.is_clear and turned.p == found.p


def test_few_draws_make_nothing_clear():
    few = difference(0.9, 0.8, np.full(20, 0.9), np.full(20, 0.8))
    assert few.low > 0 and few.p > 0.05 and not few.is_clear
    assert difference(0.9, 0.8, np.full(60, 0.9), np.full(60, 0.8)).is_clear


def test_no_difference():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 400)
    first = np.where(random.random(400) < 0.2, 1 - truth, truth)
    second = np.where(random.random(400) < 0.2, 1 - truth, truth)
    found = compared(truth, first, second)
    assert found.low < 0 < found.high and not found.is_clear and found.p > 0.1
    assert compared(truth, first, first) == Difference(0.0, 0.0, 0.0, 1.0)


def test_pairing_makes_small_differences_visible():
    # The second is wrong wherever the first is, and in 8 rows more.
    truth = np.zeros(400, int)
    first = np.array([1] * 100 + [0] * 300)
    second = np.array([1] * 108 + [0] * 292)
    found = compared(truth, first, second)
    assert found.is_clear and found.low > 0.005


def test_draws_without_a_score_are_left_out():
    found = difference(0.5, 0.2, np.array([0.5, np.nan, 0.6]), np.array([0.2, 0.1, np.nan]))
    assert (found.low, found.high) == (pytest.approx(0.3), pytest.approx(0.3))
    assert difference(0.0, 0.0, np.array([np.nan]), np.array([0.1])).p == 1.0
