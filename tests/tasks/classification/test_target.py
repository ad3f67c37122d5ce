"""What a classifier's target settles after the training, and what it says of the test."""

import numpy as np
import pytest

from kerasft.evaluation.calibration import calibration_of
from kerasft.evaluation.temperature import softmax
from kerasft.tasks.classification.target import ClassTarget
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.plain

NAMES = LabelMap(("a", "b", "c"))


def rows(count: int) -> tuple[list[str], np.ndarray]:
    """Labels, and logits that are three times as large as they ought to be."""
    random = np.random.default_rng(0)
    logits = 2 * random.normal(size=(count, 3))
    drawn = (softmax(logits).cumsum(axis=1) < random.random((count, 1))).sum(axis=1)
    return [NAMES.names[label] for label in drawn], 3 * logits


def test_the_temperature_is_settled_and_is_part_of_what_is_saved():
    labels, logits = rows(1000)
    target = ClassTarget(NAMES, is_open=True)
    settled, sentences = target.settle(logits, labels)
    assert settled.temperature == pytest.approx(3, rel=0.15) and not settled.is_open
    assert sentences[0].startswith(f"logits are divided by {settled.temperature:.3f}")
    parts = settled.parts(None, None, 16, None, "cut")
    assert parts.temperature == settled.temperature
    assert (settled.said(logits).argmax(axis=1) == target.said(logits).argmax(axis=1)).all()
    few, sentences = target.settle(logits[:50], labels[:50])
    assert few.temperature == 1 and "fewer than 200" in sentences[0]


def test_the_report_has_both_calibrations():
    labels, logits = rows(500)
    truth = NAMES.encode(labels)
    target = ClassTarget(NAMES, temperature=3.0)
    entries, sections = target.findings(truth, target.said(logits))
    before, after = (calibration_of(truth, softmax(logits, t)).ece for t in (1.0, 3.0))
    assert entries["temperature"] == 3.0
    assert entries["calibration_before"]["ece"] == pytest.approx(before)
    assert entries["calibration"]["ece"] == pytest.approx(after) and after < before / 2
    assert entries["selections"][0]["coverage"] == 1.0
    errors, coverage = sections.values()
    assert list(errors) == ["before calibration", "at temperature 3"]
    assert next(iter(coverage)) == "0" and len(coverage) == 3
    _, sections = ClassTarget(NAMES).findings(truth, softmax(logits))
    assert list(next(iter(sections.values()))) == ["as they are"]


def test_what_a_model_is_wrongly_sure_of_leaves_the_numbers_finite():
    said = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.2, 0.3, 0.5]])
    entries, _ = ClassTarget(NAMES, temperature=0.5).findings(np.array([1, 1, 2]), said)
    assert np.isfinite(entries["calibration_before"]["ece"])
    assert entries["calibration_before"]["brier"] > 0
