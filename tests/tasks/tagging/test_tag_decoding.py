"""From probabilities to entities: the best sequence that breaks no rule."""

import itertools

import numpy as np
import pytest

from kerasft.tasks.entities.sentence import Span
from kerasft.tasks.tagging.tag_decoding import (
    ScoredSpan,
    allowed_moves,
    best_tags,
    find_spans,
    outside,
)

pytestmark = pytest.mark.plain

TAGS = ["O", "B-A", "I-A", "B-B", "I-B"]


def probabilities(words: int, seed: int) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(words, len(TAGS))) * 2
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def is_valid(tags: tuple[int, ...]) -> bool:
    before = "O"
    for tag in (TAGS[index] for index in tags):
        if tag[0] == "I" and before[2:] != tag[2:]:
            return False
        before = tag
    return True


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_all_valid_sequences(seed):
    found = probabilities(4, seed)
    valid = [each for each in itertools.product(range(5), repeat=4) if is_valid(each)]
    best = max(valid, key=lambda each: np.log(found[np.arange(4), each]).sum())
    assert tuple(best_tags(found, TAGS)) == best


def test_moves():
    moves = allowed_moves(TAGS)
    assert moves.shape == (6, 5)
    assert moves[:, [0, 1, 3]].all()
    assert moves[:, 2].tolist() == [False, True, True, False, False, False]


def test_spans_and_scores():
    found = np.array(
        [
            [0.1, 0.8, 0.1, 0.0, 0.0],
            [0.3, 0.1, 0.6, 0.0, 0.0],
            [0.9, 0.0, 0.0, 0.0, 0.1],
            [0.0, 0.0, 0.0, 0.3, 0.7],
        ]
    )
    first, second = find_spans(found, TAGS)
    assert first == ScoredSpan(Span(0, 2, "A"), pytest.approx(0.7))
    # I-B cannot follow O, so that B-B is the best that may stand there.
    assert second == ScoredSpan(Span(3, 4, "B"), pytest.approx(0.3))


def test_no_words_and_nothing_but_outside():
    assert find_spans(np.zeros((0, 5)), TAGS) == []
    assert find_spans(outside(3, TAGS), TAGS) == []
