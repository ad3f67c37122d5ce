import csv
import json

import numpy as np
import pytest

from harness.compared import HISTORY
from harness.texts import labelled
from kerasft.data.readers import read_texts
from kerasft.errors import ConfigError
from kerasft.evaluation import label_scores
from kerasft.evaluation.report_files import THIS_MODEL
from kerasft.tasks.classification.target import ClassTarget
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.report import VALIDATION, score, text_report
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.any_backend

TRAIN = labelled(
    ["the bank raised rates", "stocks fell", "the team won", "a goal"] * 3,
    ["a", "a", "b", "b"] * 3,
    "made up",
    "0" * 64,
)
TEST = labelled(
    ['the "bank",\nsaid', "a goal in the match", "x" * 200_000],
    ["a", "b", "b"],
    "made up",
    "0" * 64,
)
HELD_OUT = labelled(
    ["rates at the bank", "the team lost", "a bank won"], ["a", "b", "a"], "made up", "0" * 64
)
NAMES = LabelMap(("a", "b"))
TARGET = ClassTarget(NAMES)
PROBABILITIES = np.array([[0.3, 0.7], [1e-7, 1 - 1e-7], [1 / 3, 2 / 3]], np.float32)


@pytest.fixture(scope="module")
def scores():
    return score(TARGET, PROBABILITIES, rows(TRAIN))


def rows(train):
    return Dataset(train, HELD_OUT, TEST, "ab", [])


def chosen(train, class_weight=None):
    """What the baseline is to be: its choice, and its metrics on the test rows."""
    parts = ((part["text"], NAMES.encode(part["label"])) for part in (train, HELD_OUT))
    baseline = TfidfBaseline.choose(*parts, 2, class_weight=class_weight)
    found = baseline.probabilities(TEST["text"])
    return baseline, label_scores.evaluate(NAMES.encode(TEST["label"]), found, NAMES.names)


def rows_of(file):
    csv.field_size_limit(10**6)
    with open(file, encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def test_scores_stand_beside_the_baselines(scores):
    labels = NAMES.encode(TEST["label"])
    train = NAMES.encode(TRAIN["label"])
    assert list(scores) == [THIS_MODEL, label_scores.TFIDF, label_scores.MAJORITY]
    assert scores[THIS_MODEL] == label_scores.evaluate(labels, PROBABILITIES, NAMES.names)
    baseline, expected = chosen(TRAIN)
    assert scores[label_scores.TFIDF] == expected
    assert scores.baseline_choice == baseline.describe()
    assert scores.baseline_costs["settings"] == baseline.settings
    assert scores[label_scores.MAJORITY] == label_scores.majority(train, labels, NAMES.names)
    found = label_scores.evaluate(labels, scores.baseline_said, NAMES.names)
    assert found == scores[label_scores.TFIDF]
    assert scores.peak_memory > 2**20


@pytest.mark.parametrize(("class_weight", "of_tfidf"), [("none", None), ("balanced", "balanced")])
def test_tfidf_weighs_the_classes_as_the_classifier_did(class_weight, of_tfidf):
    train = labelled(
        TRAIN["text"][:7], TRAIN["label"][:7], "made up", "0" * 64
    )  # 4 of "a", 3 of "b"
    found = score(ClassTarget(NAMES, class_weight), PROBABILITIES, rows(train))
    _, expected = chosen(train, of_tfidf)
    _, other = chosen(train, "balanced" if of_tfidf is None else None)
    assert found[label_scores.TFIDF] == expected != other


def test_files(scores, tmp_path):
    write = text_report(
        TARGET, scores, HISTORY, TEST, PROBABILITIES, seconds=12.5, test_sha256="ab",
        validation=TRAIN, pictures=[("lengths.png", lambda path: path.write_bytes(b"a picture"))],
    )  # fmt: skip
    write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "baseline_predictions.csv", "confusion.png", "coverage.png", "lengths.png", "loss.png",
        "metrics.json", "predictions.csv", "reliability.png", "validation.csv",
    ]  # fmt: skip
    assert (tmp_path / "lengths.png").read_bytes() == b"a picture"
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["test"] == scores[THIS_MODEL]
    assert set(metrics["baselines"]) == {label_scores.TFIDF, label_scores.MAJORITY}
    assert metrics["temperature"] == 1.0 and metrics["calibration"]["ece"] > 0
    assert metrics["baseline_costs"] == scores.baseline_costs
    assert metrics["baseline_costs"]["peak_memory_bytes"] > 2**25
    assert metrics["peak_memory_bytes"] == scores.peak_memory
    assert "thread" in metrics["machine"] and " on " in metrics["machine"]
    assert (metrics["seconds"], metrics["test_sha256"]) == (12.5, "ab")
    kept = read_texts(tmp_path / VALIDATION)
    assert (kept["text"], kept["label"]) == (TRAIN["text"], TRAIN["label"])


def test_predictions_give_every_probability_back(scores, tmp_path):
    text_report(TARGET, scores, HISTORY, TEST, PROBABILITIES)(tmp_path)
    head, *rows = rows_of(tmp_path / "predictions.csv")
    assert head == ["text", "label", "predicted", "a", "b"]
    assert [row[0] for row in rows] == TEST["text"]
    assert [row[1:3] for row in rows] == [["a", "b"], ["b", "b"], ["b", "b"]]
    found = np.array([row[3:] for row in rows], np.float32)
    np.testing.assert_array_equal(found, PROBABILITIES)
    _, *rows = rows_of(tmp_path / "baseline_predictions.csv")
    found = np.array([row[3:] for row in rows], float)
    np.testing.assert_allclose(found, scores.baseline_said, atol=1e-9)


def test_pictures_have_names_of_their_own(scores):
    with pytest.raises(ConfigError, match=r"loss\.png"):
        text_report(TARGET, scores, HISTORY, TEST, PROBABILITIES, pictures=[("loss.png", print)])
