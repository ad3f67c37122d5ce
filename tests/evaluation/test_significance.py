import time

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from kerasft.evaluation import label_scores
from kerasft.evaluation.significance import (
    Difference,
    Interval,
    McNemar,
    bootstrap,
    class_counts,
    interval,
    mcnemar,
    paired_difference,
    scores_of,
)

pytestmark = pytest.mark.plain


def a_case(rows=400, classes=4, right=0.7, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    said = np.where(random.random(rows) < right, truth, random.integers(0, classes, rows))
    return truth, said


def test_scores_are_those_of_scikit_learn():
    truth, said = a_case()
    found = scores_of(class_counts(truth, said, 4))
    expected = metrics.precision_recall_fscore_support(truth, said)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(found[name], values)
        assert found[f"macro_{name}"] == pytest.approx(values.mean())
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, said))


def test_a_class_that_does_not_occur_has_no_weight():
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])
    found = scores_of(class_counts(truth, said, 3))
    expected = label_scores.evaluate(truth, np.eye(3)[said], ["a", "b", "c"])
    assert found["macro_f1"] == pytest.approx(expected["macro_f1"])
    assert found["f1"][1] == 0 and np.isnan(found["f1"][2])


def test_each_draw_is_a_resample_of_the_rows():
    truth, said = a_case(rows=60)
    drawn = bootstrap(truth, {"a": said, "b": truth}, 4, draws=50, seed=3)
    hits = drawn["a"]["accuracy"] * 60
    np.testing.assert_allclose(hits, hits.round(), atol=1e-9)
    assert len(set(hits.round())) > 5
    # The same draws for both: the classes that the second, always right, finds are those drawn.
    assert (drawn["b"]["accuracy"] == 1).all() and drawn["a"]["f1"].shape == (50, 4)
    rows = np.random.default_rng(3).integers(60, size=60)
    first = scores_of(class_counts(truth[rows], said[rows], 4))
    for key, value in first.items():
        np.testing.assert_allclose(drawn["a"][key][0], value, rtol=1e-6)
    again = bootstrap(truth, {"a": said}, 4, draws=50, seed=3)
    np.testing.assert_array_equal(again["a"]["f1"], drawn["a"]["f1"])
    other = bootstrap(truth, {"a": said}, 4, draws=50, seed=4)
    assert (other["a"]["accuracy"] != drawn["a"]["accuracy"]).any()


def test_of_very_many_classes_fewer_draws_are_kept():
    labels = np.arange(120_000) % 60_000
    drawn = bootstrap(labels, {"a": labels}, 60_000, draws=170)
    assert drawn["a"]["f1"].shape == (166, 60_000) and drawn["a"]["macro_f1"].shape == (170,)


def test_the_interval_of_an_accuracy_is_that_of_its_standard_error():
    truth, said = a_case(rows=2000)
    value = float((truth == said).mean())
    drawn = bootstrap(truth, {"a": said}, 4)["a"]["accuracy"]
    found = interval(value, drawn)
    reach = 1.96 * np.sqrt(value * (1 - value) / 2000)
    assert found.low == pytest.approx(value - reach, abs=0.2 * reach)
    assert found.high == pytest.approx(value + reach, abs=0.2 * reach)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        truth, said = a_case(rows=200, classes=2, right=0.6, seed=seed)  # accuracy 0.8
        drawn = bootstrap(truth, {"a": said}, 2, draws=200, seed=seed)["a"]
        found = interval(float((truth == said).mean()), drawn["accuracy"])
        held += found.low <= 0.8 <= found.high
    assert 50 <= held <= 60


def test_draws_without_a_score_are_left_out():
    draws = np.array([np.nan, 0.2, 0.4, np.nan])
    assert interval(0.3, draws) == Interval(0.3, pytest.approx(0.205), pytest.approx(0.395))
    assert interval(0.0, np.array([np.nan])) == Interval(0.0, 0.0, 0.0)


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
    return paired_difference((truth == first).mean(), (truth == second).mean(), *scores)


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
    few = paired_difference(0.9, 0.8, np.full(20, 0.9), np.full(20, 0.8))
    assert few.low > 0 and few.p > 0.05 and not few.is_clear
    assert paired_difference(0.9, 0.8, np.full(60, 0.9), np.full(60, 0.8)).is_clear


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


def test_draws_without_a_score_are_left_out_of_a_difference():
    found = paired_difference(0.5, 0.2, np.array([0.5, np.nan, 0.6]), np.array([0.2, 0.1, np.nan]))
    assert (found.low, found.high) == (pytest.approx(0.3), pytest.approx(0.3))
    assert paired_difference(0.0, 0.0, np.array([np.nan]), np.array([0.1])).p == 1.0
