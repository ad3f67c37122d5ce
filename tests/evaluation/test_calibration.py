import numpy as np
import pytest

from kerasft.evaluation.calibration import Bin, calibration_of

pytestmark = pytest.mark.plain


def sharpened(rows=20_000, classes=3, power=1.0, seed=0):
    """Labels drawn from probabilities, and these probabilities to a power."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.ones(classes), rows)
    labels = (honest.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    told = honest**power
    return labels, told / told.sum(axis=1, keepdims=True)


def test_by_hand():
    labels = np.array([0, 1])
    found = calibration_of(labels, np.array([[0.9, 0.1], [0.2, 0.8]]), bins=1)
    assert found.bins == (Bin(2, pytest.approx(0.85), 1.0),)
    assert found.ece == pytest.approx(0.15)
    assert found.brier == pytest.approx((2 * 0.1**2 + 2 * 0.2**2) / 2)


def test_honest_probabilities_are_calibrated():
    found = calibration_of(*sharpened())
    assert found.ece < 0.015
    assert len(found.bins) == 10 and {b.rows for b in found.bins} == {2000}
    confidences = [b.confidence for b in found.bins]
    assert confidences == sorted(confidences)


def test_too_much_and_too_little_confidence():
    over, under = calibration_of(*sharpened(power=3.0)), calibration_of(*sharpened(power=0.4))
    assert over.ece > 0.1 and all(b.accuracy < b.confidence for b in over.bins[2:])
    assert under.ece > 0.1 and all(b.accuracy > b.confidence for b in under.bins[2:])
    assert calibration_of(*sharpened()).brier < min(over.brier, under.brier)


def test_the_error_does_not_hang_on_the_order_of_the_rows():
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 200)
    probabilities = random.dirichlet(np.ones(4), 200).round(1)  # many of the same confidence
    probabilities[:, 0] += 1 - probabilities.sum(axis=1)
    order = random.permutation(200)
    found = calibration_of(labels, probabilities)
    assert calibration_of(labels[order], probabilities[order]).ece == pytest.approx(found.ece)
    assert sum(b.rows for b in found.bins) == 200


def test_one_confidence_is_one_bin():
    found = calibration_of(np.array([0, 1, 1, 1]), np.full((4, 2), 0.5))
    assert found.bins == (Bin(4, 0.5, 0.25),)
    assert (found.ece, found.brier) == (0.25, 0.5)
