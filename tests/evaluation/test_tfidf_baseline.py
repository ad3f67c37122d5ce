import numpy as np
import pytest

from kerasft.errors import DataError
from kerasft.evaluation import TfidfBaseline

TEXTS = ["the bank raised rates", "stocks fell", "the team won", "a goal in the match"]
LABELS = np.array([0, 0, 1, 1])


def test_probabilities_of_all_classes():
    baseline = TfidfBaseline.fit(TEXTS, LABELS * 2, 3)  # no row of class 1
    found = baseline.probabilities(["the bank", "a goal", "zebra"])
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, 1] == 0).all()
    assert found.argmax(axis=1).tolist()[:2] == [0, 2]


@pytest.mark.parametrize(("labels", "rows"), [([0, 0, 1, 1], 1), ([0, 1, 2, 2], 3)])
def test_costs(labels, rows):
    baseline = TfidfBaseline.fit(TEXTS, np.array(labels), 3)
    costs = baseline.costs(TEXTS)
    words = baseline.vectorizer.vocabulary_
    assert {"the", "bank", "the bank"} <= set(words)
    coefficients = rows * (len(words) + 1)  # scikit-learn keeps one row for two classes
    assert costs["parameters"] == {"trained": coefficients, "frozen": 0}
    letters = sum(len(word) + 1 for word in words)
    assert costs["bytes"] == letters + 8 * (coefficients + len(words))
    assert costs["seconds"] > 0
    assert 0 < costs["ms_per_text"]["32"] < costs["ms_per_text"]["1"]


def test_refusals():
    with pytest.raises(DataError, match="one class"):
        TfidfBaseline.fit(TEXTS, LABELS * 0, 2)
    with pytest.raises(DataError, match="word"):
        TfidfBaseline.fit(["! ?", "-"], np.array([0, 1]), 2)
