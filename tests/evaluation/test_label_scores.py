import json

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from kerasft.errors import DataError
from kerasft.evaluation import label_scores
from kerasft.tasks.classification.scoring import ClassScoring

pytestmark = pytest.mark.plain

NAMES = ["news", "opinion", "sport", "weather"]


def random_case(rows: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, rows)
    logits = rng.normal(size=(rows, classes)) + 1.5 * np.eye(classes)[labels]
    exponentials = np.exp(logits)
    return labels, exponentials / exponentials.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn(seed):
    labels, probabilities = random_case(200, 4, seed)
    ours = label_scores.evaluate(labels, probabilities.astype(np.float32), NAMES)
    predicted = probabilities.argmax(axis=1)
    report = sklearn_metrics.classification_report(
        labels, predicted, target_names=NAMES, output_dict=True
    )
    for name in NAMES:
        for ours_key, key in [("precision",) * 2, ("recall",) * 2, ("f1", "f1-score")]:
            assert ours["per_class"][name][ours_key] == pytest.approx(report[name][key], abs=1e-12)
        assert ours["per_class"][name]["support"] == report[name]["support"]
    assert ours["accuracy"] == pytest.approx(report["accuracy"], abs=1e-12)
    assert ours["macro_f1"] == pytest.approx(report["macro avg"]["f1-score"], abs=1e-12)
    assert ours["weighted_f1"] == pytest.approx(report["weighted avg"]["f1-score"], abs=1e-12)
    assert ours["loss"] == pytest.approx(sklearn_metrics.log_loss(labels, probabilities), abs=1e-6)
    assert ours["confusion"] == sklearn_metrics.confusion_matrix(labels, predicted).tolist()
    assert json.loads(json.dumps(ours)) == ours


def test_by_hand():
    labels = np.array([0, 0, 0, 1])
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    ours = label_scores.evaluate(labels, probabilities, ["a", "b"])
    assert ours["confusion"] == [[2, 1], [0, 1]]
    assert ours["per_class"]["a"] == {
        "precision": 1.0, "recall": pytest.approx(2 / 3), "f1": pytest.approx(0.8), "support": 3,
    }  # fmt: skip
    assert ours["accuracy"] == 0.75
    assert ours["macro_f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert ours["loss"] == pytest.approx(-np.log([0.9, 0.6, 0.2, 0.7]).mean())


def test_a_class_that_is_never_predicted_scores_zero_without_a_warning(recwarn):
    ours = label_scores.evaluate(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), ["a", "b"])
    assert ours["per_class"]["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1}
    assert ours["macro_f1"] == pytest.approx((2 / 3 + 0) / 2)
    assert not recwarn.list


def test_a_class_absent_from_the_rows_keeps_its_line_but_not_its_weight():
    ours = label_scores.evaluate(
        np.array([0, 1]), np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]]), NAMES[:3]
    )
    assert ours["macro_f1"] == 1.0
    assert ours["per_class"]["sport"]["support"] == 0
    assert np.shape(ours["confusion"]) == (3, 3)


def test_certain_and_wrong_has_a_finite_loss():
    ours = label_scores.evaluate(np.array([1]), np.array([[1.0, 0.0]]), ["a", "b"])
    assert 80 < ours["loss"] < 100


@pytest.mark.parametrize(
    ("labels", "probabilities", "says"),
    [
        ([], np.zeros((0, 2)), "nothing to evaluate"),
        ([0, 1], [[0.5, 0.5]], "shape"),
        ([0, 2], [[0.5, 0.5]] * 2, "0 to 1"),
        ([0, -1], [[0.5, 0.5]] * 2, "0 to 1"),
        ([0.0, 1.0], [[0.5, 0.5]] * 2, "whole numbers"),
        ([0, 1], [[0.5, 0.5], [np.nan, 1.0]], "Row 1"),
        ([0, 1], [[2.0, -1.0], [0.5, 0.5]], "Row 0"),
        ([0, 1], [[0.5, 0.5], [3.2, -1.1]], "Row 1"),
    ],
)
def test_refuses_what_has_no_score(labels, probabilities, says):
    with pytest.raises(DataError, match=says):
        label_scores.evaluate(np.array(labels), np.array(probabilities), ["a", "b"])


def test_tables_show_every_class_and_classifier():
    labels, probabilities = random_case(50, 4, 0)
    metrics = label_scores.evaluate(labels, probabilities, NAMES)
    lines = label_scores.table(metrics).splitlines()
    assert lines[0].split() == ["precision", "recall", "f1", "rows"]
    opinion = metrics["per_class"]["opinion"]
    row = next(line.split() for line in lines if line.startswith("opinion"))
    assert row[1:] == [
        f"{opinion[key]:.3f}" for key in ("precision", "recall", "f1")
    ] + [str(opinion["support"])]  # fmt: skip
    assert any(
        line.split() == ["macro", "F1", f"{metrics['macro_f1']:.3f}", "50"] for line in lines
    )
    assert len({len(line) for line in lines if line}) == 1  # right-aligned columns
    compared = ClassScoring().comparison({"this model": metrics, "majority class": metrics})
    assert f"{metrics['macro_f1']:.3f}" in compared.splitlines()[1]
    assert [line.split("  ")[0] for line in compared.splitlines()[1:]] == [
        "this model", "majority class",
    ]  # fmt: skip


def test_majority_answers_the_most_frequent_class():
    train = np.array([2, 2, 2, 0])
    metrics = label_scores.majority(train, np.array([2, 0, 1, 2]), ["a", "b", "c"])
    assert metrics["confusion"] == [[0, 0, 1], [0, 0, 1], [0, 0, 2]]
    assert metrics["accuracy"] == 0.5


def test_majority_loss_is_the_cross_entropy_of_the_shares():
    metrics = label_scores.majority(np.array([0, 0, 0, 1]), np.array([0, 1]), ["a", "b"])
    assert metrics["loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
