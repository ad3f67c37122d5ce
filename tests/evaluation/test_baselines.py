import numpy as np
import pytest

from kerasft import evaluation

pytestmark = pytest.mark.plain


def test_majority_answers_the_most_frequent_class():
    train = np.array([2, 2, 2, 0])
    metrics = evaluation.majority(train, np.array([2, 0, 1, 2]), ["a", "b", "c"])
    assert metrics["confusion"] == [[0, 0, 1], [0, 0, 1], [0, 0, 2]]
    assert metrics["accuracy"] == 0.5


def test_majority_loss_is_the_cross_entropy_of_the_shares():
    metrics = evaluation.majority(np.array([0, 0, 0, 1]), np.array([0, 1]), ["a", "b"])
    assert metrics["loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)
