"""The scores of several labels against scikit-learn, and the thresholds against trying them all."""

import numpy as np
import pytest
from sklearn import metrics

from kerasft.errors import DataError
from kerasft.tasks.multi_label.scores import LabelsScoring
from kerasft.tasks.multi_label.thresholds import best_thresholds

pytestmark = pytest.mark.plain

NAMES = ("a", "b", "c", "never")
SCORING = LabelsScoring()


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(0)
    truth = (rng.random((80, 4)) < [0.5, 0.3, 0.1, 0.0]).astype(float)
    found = np.clip(0.35 * truth + 0.5 * rng.random((80, 4)), 0, 1)
    found[:, 3] = 0.1
    return truth, np.stack([found, found >= 0.5], axis=-1)


def test_scores_are_those_of_scikit_learn(made):
    truth, said = made
    chosen, found = said[..., 1], SCORING.evaluate(*made, NAMES)
    for average in ("micro", "samples"):
        value = metrics.f1_score(truth, chosen, average=average, zero_division=1)
        assert found[f"{average}_f1"] == pytest.approx(value)
    occurs = metrics.f1_score(truth, chosen, average=None, zero_division=0)[:3]
    assert found["macro_f1"] == pytest.approx(occurs.mean())  # of the labels that occur
    assert found["subset_accuracy"] == metrics.accuracy_score(truth, chosen)
    precise = metrics.average_precision_score(truth[:, :3], said[:, :3, 0], average=None)
    assert found["macro_average_precision"] == pytest.approx(precise.mean())
    each = [found["per_class"][name]["average_precision"] for name in NAMES]
    np.testing.assert_allclose(each, [*precise, 0])
    assert found["loss"] == pytest.approx(
        np.mean([metrics.log_loss(truth[:, n], said[:, n, 0], labels=[0, 1]) for n in range(4)])
    )
    assert found["per_class"]["never"] == {
        **{"precision": 0, "recall": 0, "f1": 0, "average_precision": 0, "support": 0}
    }
    assert "all labels right" in SCORING.table(found)


def test_a_row_without_labels_that_gets_none_is_right():
    said = np.full((1, 4, 2), 0.0)
    assert SCORING.quick(np.zeros((1, 4)), said)["samples_f1"] == 1


def test_predictions_are_read_back(made):
    truth, said = made
    labels = [
        tuple(name for name, is_one in zip(NAMES, row, strict=True) if is_one) for row in truth
    ]
    cells = [SCORING.cells(label, row, NAMES) for label, row in zip(labels, said, strict=True)]
    found = SCORING.parse(cells, NAMES)
    np.testing.assert_array_equal(found[0], truth)
    np.testing.assert_allclose(found[1], said, atol=1e-8)
    with pytest.raises(LookupError):
        SCORING.parse(cells, ("other", "b", "c", "never"))


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        (np.zeros((0, 4)), np.zeros((0, 4, 2))),
        (np.zeros((2, 4)), np.zeros((2, 4))),
        (np.zeros((1, 4)), np.full((1, 4, 2), np.nan)),
    ],
)
def test_refuses_what_has_no_score(truth, said):
    with pytest.raises(DataError):
        SCORING.evaluate(truth, said, NAMES)


def test_thresholds_are_the_best_there_are(made):
    truth, said = made
    found = best_thresholds(truth, said[..., 0])

    def f1(label, threshold):
        return metrics.f1_score(truth[:, label], said[:, label, 0] >= threshold, zero_division=0)

    for label in range(3):
        tried = [f1(label, value) for value in np.linspace(0.001, 0.999, 999)]
        assert f1(label, found[label]) == pytest.approx(max(tried))
    assert found[3] == 0.5  # no row has it
    assert (best_thresholds(truth[:40], said[:40, :, 0]) == 0.5).all()  # too few rows


def test_one_probability_for_all_rows():
    truth = np.ones((60, 1))
    assert 0 < best_thresholds(truth, np.ones((60, 1)))[0] < 1
    assert 0 < best_thresholds(truth, np.zeros((60, 1)))[0] < 1
