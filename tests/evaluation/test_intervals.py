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
