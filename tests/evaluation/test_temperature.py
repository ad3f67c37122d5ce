"""One number that makes probabilities honest."""

import numpy as np
import pytest

from kerasft.evaluation.calibration import calibration_of
from kerasft.evaluation.temperature import HIGHEST, LOWEST, fit_temperature, softmax

pytestmark = pytest.mark.plain

NAMES = ("a", "b", "c")


def rows(count: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the softmax of logits, and these logits times a number."""
    random = np.random.default_rng(seed)
    logits = 2 * random.normal(size=(count, len(NAMES)))
    drawn = softmax(logits).cumsum(axis=1) < random.random((count, 1))
    return drawn.sum(axis=1), sharpness * logits


@pytest.mark.parametrize("sharpness", [0.4, 1.0, 3.0])
def test_the_number_by_which_logits_are_too_large_is_found(sharpness):
    found = fit_temperature(*rows(4000, sharpness), NAMES)
    assert found.value == pytest.approx(sharpness, rel=0.05)
    labels, logits = rows(4000, sharpness, seed=1)  # others
    before, after = (calibration_of(labels, softmax(logits, t)).ece for t in (1, found.value))
    assert after < 0.03
    assert sharpness == 1.0 or after < before / 3
    same = softmax(logits, found.value).argmax(axis=1) == softmax(logits).argmax(axis=1)
    assert same.all()


def test_it_is_the_one_that_scipy_finds():
    from scipy.optimize import minimize_scalar

    labels, logits = rows(300, 2.2, seed=3)

    def loss(log: float) -> float:
        return -np.log(softmax(logits, np.exp(log))[np.arange(len(labels)), labels]).mean()

    best = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-9})
    found = fit_temperature(labels, logits, NAMES)
    assert found.value == pytest.approx(np.exp(best.x), rel=1e-4)
    assert f"{loss(0.0):.3f} before, {best.fun:.3f} after" in found.note


def test_where_nothing_can_be_known_it_is_1():
    labels, logits = rows(199, 3.0)
    found = fit_temperature(labels, logits, NAMES)
    assert found.value == 1 and "199 validation rows are fewer than 200" in found.note
    labels, logits = rows(400, 3.0)
    right = 5 * np.eye(3)[labels]
    found = fit_temperature(labels, right, NAMES)
    assert found.value == 1 and "all 400 validation rows are right" in found.note
    found = fit_temperature(labels, np.where(np.arange(3) == 1, np.nan, logits), NAMES)
    assert found.value == 1 and "NaN" in found.note


def test_it_stays_in_its_range():
    labels = np.arange(400) % 3
    nearly = np.eye(3)[labels]
    nearly[0] = [0.5, 0.5001, 0.0]  # wrong by a hair, all others right
    cold = fit_temperature(labels, nearly, NAMES)
    assert cold.value == LOWEST and "that is the limit" in cold.note
    hot = fit_temperature(labels, 40 * np.eye(3)[(labels + 1) % 3], NAMES)  # all wrong
    assert hot.value == HIGHEST and "that is the limit" in hot.note


def test_a_class_without_rows_is_scaled_alike():
    labels, logits = rows(600, 2.0)
    kept = labels != 2
    found = fit_temperature(labels[kept], logits[kept], NAMES)
    assert np.isfinite(found.value) and "1 of 3 classes have no row" in found.note


def test_extreme_logits_give_finite_probabilities():
    extreme = np.array([[1e30, -1e30], [-1e30, -1e30], [88.0, 89.0]], dtype="float32")
    assert np.allclose(softmax(extreme), [[1, 0], [0.5, 0.5], [0.268941, 0.731059]], atol=1e-6)
    assert np.allclose(softmax(extreme, 0.5)[2], [0.119203, 0.880797], atol=1e-6)
    assert softmax(np.empty((0, 2))).shape == (0, 2)
