"""The Predictor: what it says of texts, and how a table shows it."""

import sys

import numpy as np
import pytest

from harness import classifiers
from kerasft.predict import Predictor
from kerasft.predict.output import Table
from kerasft.tasks.classification.results import Prediction
from kerasft.tasks.columns import Columns


@pytest.fixture(scope="module")
def saved() -> classifiers.Saved:
    return classifiers.saved_lora()


@pytest.fixture(scope="module")
def predictor(saved: classifiers.Saved) -> Predictor:
    return Predictor(saved.folder)


def test_predictions(saved, predictor):
    found = predictor.predict(classifiers.TEXTS)
    for row, prediction in enumerate(found):
        values = list(prediction.probabilities.values())
        exponentials = np.exp(saved.logits[row].astype(float))
        assert np.allclose(values, exponentials / exponentials.sum(), atol=1e-5)
        assert abs(sum(values) - 1) < 1e-12
        assert list(prediction.probabilities) == list(classifiers.LABELS)
        assert prediction.label == classifiers.LABELS[int(saved.logits[row].argmax())]
    assert [prediction.cut for prediction in found] == [i == 3 for i in range(len(found))]
    assert predictor.predict([]) == []


def test_many_labels_show_the_likeliest(capsys):
    names = [f"label{i}" for i in range(20)]
    values = {name: (0.5 if i == 7 else 0.025) for i, name in enumerate(names)}
    table = Table(sys.stdout, Columns(Prediction, names))
    table.write("a text", Prediction("label7", values, False))
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("label7") and "label7 0.5000, label0 0.0250, label1 0.0250" in line
