import numpy as np
import pytest

from harness.compared import CLASSES, candidate, make_comparison, make_truth
from kerasft.evaluation import label_scores
from kerasft.reporting import Candidate, Costs, Latency, compare, findings

pytestmark = pytest.mark.plain

TFIDF = label_scores.TFIDF


def timed(name, probabilities, milliseconds, **options):
    latency = {1: Latency(milliseconds, milliseconds, milliseconds)}
    return Candidate(name, probabilities, Costs(bytes=1000, latency=latency), **options)


def flipped(truth, rows):
    """Probabilities that are right but for these rows, where the next class is said."""
    said = truth.copy()
    said[rows] = (said[rows] + 1) % 3
    return np.eye(3)[said] * 0.7 + 0.1


def said_of(candidates, truth):
    return findings(compare(candidates, ["t"] * len(truth), truth, CLASSES, draws=300))


def test_a_clear_winner():
    _, comparison = make_comparison(rows=400, skills={"small": 1.0, "large": 3.5})
    sentences = findings(comparison)
    assert sentences[0].startswith("large has the highest macro-F1: 0.9")
    assert sentences[1].startswith("Take large, unless its costs are too high")
    assert "more than chance explains (p = 0.0" in sentences[2]
    assert any("small 4.00 ms and 9.6 MB" in sentence for sentence in sentences)
    assert not any("rows only" in sentence for sentence in sentences)


def test_the_quickest_of_those_that_chance_explains():
    truth = make_truth(150)
    sentences = said_of(
        [
            timed("best", flipped(truth, [0]), 9.0),
            timed("near", flipped(truth, [3, 4]), 3.0),
            timed("far", flipped(truth, range(60)), 1.0),
        ],
        truth,
    )
    assert "best has the highest" in sentences[0]
    assert sentences[1].startswith("These rows do not tell best and near apart; of these, near is")
    assert "best is ahead of near" in sentences[2] and "which may be chance" in sentences[2]
    assert "more than chance explains" in sentences[3]
    assert "150 rows only" in sentences[-1]


def test_the_best_may_be_the_quickest_too():
    truth = make_truth(150)
    candidates = [
        timed("best", flipped(truth, [0]), 2.0), timed("near", flipped(truth, [3, 4]), 3.0),
    ]  # fmt: skip
    assert said_of(candidates, truth)[1].startswith("Take best: those that these rows do not tell")


def test_without_times_nobody_is_called_quick():
    truth = make_truth(150)
    candidates = [
        candidate(name, flipped(truth, rows)) for name, rows in (("a", [0]), ("b", [3, 4]))
    ]
    assert said_of(candidates, truth)[1] == "These rows do not tell a and b apart."


def test_where_the_simple_baseline_wins():
    truth = np.repeat([0, 1, 2], 80)
    model, baseline = flipped(truth, range(40)), flipped(truth, range(80, 84))
    sentences = said_of(
        [candidate("model", model), candidate(TFIDF, baseline, is_baseline=True)], truth
    )
    said = next(s for s in sentences if "has a higher F1" in s)
    assert said.startswith(f"{TFIDF} has a higher F1 than model in 2 of the 3 classes: ")
    assert f"{CLASSES[0]} (1.000 against 0.667)" in said
    assert said.endswith("; by more than chance explains.")


def test_where_it_wins_by_chance_and_where_never():
    truth = np.repeat([0, 1, 2], 80)
    perfect = np.eye(3)[truth]
    for model, words in [
        (flipped(truth, [0]), "; by no more than chance explains."),
        (perfect, "has a higher F1 than model in none of the 3 classes."),
    ]:
        sentences = said_of(
            [candidate("model", model), candidate(TFIDF, perfect, is_baseline=True)], truth
        )
        assert any(sentence.endswith(words) for sentence in sentences), sentences
