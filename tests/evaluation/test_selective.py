"""Coverage against accuracy, and the pictures of it."""

import itertools

import numpy as np
import pytest
from matplotlib.image import imread

from kerasft.evaluation.calibration import calibration_of
from kerasft.evaluation.confidence_plots import plot_calibration, plot_coverage
from kerasft.evaluation.selective import Selection, coverage_curve, selections

pytestmark = pytest.mark.plain


def two_classes(*confidences: float) -> np.ndarray:
    """Probabilities (rows, 2) that say class 0 with these confidences."""
    sure = np.array(confidences)
    return np.column_stack([sure, 1 - sure])


def test_by_hand():
    labels = np.array([0, 0, 1, 0, 1])  # the third and the last are wrong
    probabilities = two_classes(0.9, 0.85, 0.8, 0.75, 0.55555)
    assert selections(labels, probabilities) == [
        Selection(0.0, 1.0, 0.6, 2),
        Selection(0.75, 0.8, 0.75, 1),
    ]
    coverage, accuracy = coverage_curve(labels, probabilities)
    assert coverage == pytest.approx([0.2, 0.4, 0.6, 0.8, 1])
    assert accuracy == pytest.approx([1, 1, 2 / 3, 3 / 4, 3 / 5])


def test_a_threshold_as_it_is_written_gives_what_stands_beside_it():
    random = np.random.default_rng(0)
    probabilities = random.dirichlet(np.ones(5) / 5, 997)
    labels = random.integers(0, 5, 997)
    for each in selections(labels, probabilities):
        answered = probabilities.max(axis=1) >= float(f"{each.min_confidence:g}")
        right = probabilities.argmax(axis=1) == labels
        assert each.coverage == answered.mean()
        assert each.accuracy == pytest.approx(right[answered].mean())
        assert each.wrong == (answered & ~right).sum()


def test_rows_of_the_same_confidence_are_never_parted():
    labels = np.array([0, 0, 1, 1])
    same = two_classes(0.7, 0.7, 0.7, 0.7)
    assert selections(labels, same) == [Selection(0.0, 1.0, 0.5, 2)]
    coverage, accuracy = coverage_curve(labels, same)
    assert (coverage.tolist(), accuracy.tolist()) == ([1.0], [0.5])


@pytest.mark.parametrize("probabilities", [two_classes(*np.linspace(0.5, 1, 60)),
                                           two_classes(*np.full(60, 0.8))])  # fmt: skip
def test_pictures(tmp_path, probabilities):
    labels = np.arange(60) % 2
    found = calibration_of(labels, probabilities)
    plot_calibration({"before": found, "at temperature 1.5": found}, tmp_path / "both.png")
    plot_calibration({"as they are": found}, tmp_path / "one.png")
    plot_coverage(labels, probabilities, selections(labels, probabilities), tmp_path / "curve.png")
    for name in ("both.png", "one.png", "curve.png"):
        picture = imread(tmp_path / name)
        assert picture.shape[0] > 300 and picture.shape[1] > 300 and picture.std() > 0.01


def test_the_labels_of_near_points_stand_apart(tmp_path, drawn):
    near = [Selection(0.1 * n + 0.0123, 1 - 0.015 * n, 0.95, 1) for n in range(5)]
    plot_coverage(np.zeros(60, int), two_classes(*np.full(60, 0.8)), near, tmp_path / "curve.png")
    labels = [text for text in drawn[0].axes[0].texts if text.get_text()]
    assert [text.get_text() for text in labels] == [f"{each.min_confidence:g}" for each in near]
    places = [text.get_window_extent() for text in labels]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(places, 2))
