import json

import numpy as np
import pytest

from harness.compared import CLASSES, candidate, make_comparison, make_truth, predictions
from kerasft.evaluation import label_scores, significance
from kerasft.reporting import compare

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def made():
    return make_comparison()


def test_scores_are_those_of_evaluate(made):
    runs, comparison = made
    assert list(comparison.scored) == ["small", "large", label_scores.TFIDF]
    for run in runs:
        metrics = label_scores.evaluate(run.truth, run.said, CLASSES)
        scored = comparison.scored[run.name]
        assert scored.metrics == metrics
        assert scored.accuracy.value == pytest.approx(metrics["accuracy"])
        assert scored.macro["macro_f1"].value == pytest.approx(metrics["macro_f1"])
        for name in CLASSES:
            for key in ("precision", "recall", "f1"):
                found = scored.per_class[name][key]
                assert found.value == pytest.approx(metrics["per_class"][name][key])
                assert found.low <= found.value <= found.high


def test_every_pair_is_tested(made):
    runs, comparison = made
    assert [(pair.first, pair.second) for pair in comparison.pairs] == [
        ("small", "large"), ("small", label_scores.TFIDF), ("large", label_scores.TFIDF),
    ]  # fmt: skip
    small, large = (comparison.scored[run.name] for run in runs)
    pair = comparison.pairs[0]
    assert pair.accuracy.value == pytest.approx(small.accuracy.value - large.accuracy.value)
    right = [run.said.argmax(axis=1) == run.truth for run in runs]
    assert pair.mcnemar == significance.mcnemar(*right)
    assert set(pair.f1) == set(CLASSES)
    assert pair.macro_f1.is_clear and pair.macro_f1.high < 0


def test_a_pair_can_be_turned(made):
    _, comparison = made
    pair, turned = comparison.pair("small", "large"), comparison.pair("large", "small")
    assert turned.macro_f1.value == -pair.macro_f1.value
    assert (turned.macro_f1.low, turned.macro_f1.high) == (-pair.macro_f1.high, -pair.macro_f1.low)
    assert turned.mcnemar.only_first == pair.mcnemar.only_second
    assert turned.f1[CLASSES[0]].value == -pair.f1[CLASSES[0]].value
    with pytest.raises(KeyError):
        comparison.pair("small", "nobody")


def test_the_same_seed_gives_the_same_numbers(made):
    _, comparison = made
    assert make_comparison()[1].to_dict() == comparison.to_dict()


def test_json_holds_everything(made):
    _, comparison = made
    data = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert data["rows"] == 120 and data["classes"] == list(CLASSES)
    model = data["models"]["large"]
    assert set(model["accuracy"]) == {"value", "low", "high"}
    assert model["costs"]["latency"]["1"]["median"] == 4.0
    assert model["costs"]["bytes"] == 9_600_000 and model["costs"]["adapter_bytes"] == 100_000
    assert model["costs"]["parameters"] == 22_700_000 and model["costs"]["trained"] == 60_000
    assert np.sum(model["confusion"]) == 120
    assert len(model["calibration"]["bins"]) == 10
    assert data["models"][label_scores.TFIDF]["baseline"] is True
    assert data["pairs"][0]["mcnemar"]["p"] < 0.05


def test_a_class_that_nobody_has_or_says_is_no_nan():
    truth = make_truth(40)
    names = [*CLASSES, "never"]
    first, second = (np.pad(predictions(truth, 2.0, seed), ((0, 0), (0, 1))) for seed in (1, 2))
    found = compare(
        [candidate("a", first), candidate("b", second)], ["t"] * 40, truth, names, draws=100
    )
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.scored["a"].per_class["never"]["f1"].value == 0.0
    expected = label_scores.evaluate(truth, first, names)["macro_f1"]
    assert found.scored["a"].macro["macro_f1"].value == pytest.approx(expected)


def test_mistakes_are_the_surest_first(made):
    runs, comparison = made
    run = runs[0]
    mistakes = comparison.scored["small"].mistakes
    probabilities = [mistake.probability for mistake in mistakes]
    assert len(mistakes) == 10 and probabilities == sorted(probabilities, reverse=True)
    wrong = run.said.argmax(axis=1) != run.truth
    assert probabilities[0] == run.said[wrong].max()
    for mistake in mistakes:
        row = run.texts.index(mistake.text)
        assert mistake.label == CLASSES[run.truth[row]] != mistake.predicted
        assert mistake.others["large"] == CLASSES[runs[1].said[row].argmax()]


def test_no_mistakes():
    truth = make_truth(40)
    perfect = np.eye(3)[truth]
    found = compare(
        [candidate("a", perfect), candidate("b", perfect)], ["t"] * 40, truth, CLASSES, draws=100
    )
    assert found.scored["a"].mistakes == []
    assert found.pairs[0].macro_f1.value == 0 and found.pairs[0].mcnemar.p == 1
