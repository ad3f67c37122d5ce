import numpy as np
import pytest
from sklearn import metrics

from kerasft import evaluation
from kerasft.evaluation.intervals import Interval, bootstrap, class_counts, interval, scores_of


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
    expected = evaluation.evaluate(truth, np.eye(3)[said], ["a", "b", "c"])
    assert found["macro_f1"] == pytest.approx(expected["macro_f1"])
    assert found["f1"][1] == 0 and np.isnan(found["f1"][2])


def test_each_draw_is_a_resample_of_the_rows():
    truth, said = a_case(rows=60)
    counts = bootstrap(truth, {"a": said, "b": truth}, 4, draws=50, seed=3)
    assert counts["a"].shape == (50, 3, 4)
    assert (counts["a"][:, 2].sum(axis=1) == 60).all()
    # The same draws for both: as many true rows of each class, and the second always right.
    np.testing.assert_array_equal(counts["a"][:, 2], counts["b"][:, 2])
    np.testing.assert_array_equal(counts["b"][:, 0], counts["b"][:, 2])
    again = bootstrap(truth, {"a": said}, 4, draws=50, seed=3)
    np.testing.assert_array_equal(again["a"], counts["a"])
    other = bootstrap(truth, {"a": said}, 4, draws=50, seed=4)
    assert (other["a"] != counts["a"]).any()


def test_the_interval_of_an_accuracy_is_that_of_its_standard_error():
    truth, said = a_case(rows=2000)
    value = float((truth == said).mean())
    drawn = scores_of(bootstrap(truth, {"a": said}, 4)["a"])["accuracy"]
    found = interval(value, drawn)
    reach = 1.96 * np.sqrt(value * (1 - value) / 2000)
    assert found.low == pytest.approx(value - reach, abs=0.2 * reach)
    assert found.high == pytest.approx(value + reach, abs=0.2 * reach)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    held = 0
    for seed in range(60):
        truth, said = a_case(rows=200, classes=2, right=0.6, seed=seed)  # accuracy 0.8
        drawn = scores_of(bootstrap(truth, {"a": said}, 2, draws=200, seed=seed)["a"])
        found = interval(float((truth == said).mean()), drawn["accuracy"])
        held += found.low <= 0.8 <= found.high
    assert 50 <= held <= 60


def test_draws_without_a_score_are_left_out():
    draws = np.array([np.nan, 0.2, 0.4, np.nan])
    assert interval(0.3, draws) == Interval(0.3, pytest.approx(0.205), pytest.approx(0.395))
    assert interval(0.0, np.array([np.nan])) == Interval(0.0, 0.0, 0.0)
