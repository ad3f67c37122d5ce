"""From a tagger's probabilities to entities with a score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.tasks.entities.sentence import Span
from kerasft.tasks.entities.tag_schemes import OUTSIDE, spans_of


@dataclass(frozen=True)
class ScoredSpan:
    """An entity that was found.

    Attributes:
        span: Its tokens and type.
        score: The mean probability of its tags, 0 to 1.
    """

    span: Span
    score: float


def allowed_moves(tags: Sequence[str]) -> np.ndarray:
    """Which BIO tag may follow which.

    Args:
        tags: BIO tags.

    Returns:
        (tags + 1, tags) bool: rows are the tag before, the last row the beginning of a sentence. An
        I- follows a B- or I- of its type alone.
    """
    allowed = np.ones((len(tags) + 1, len(tags)), dtype=bool)
    for column, tag in enumerate(tags):
        if tag.startswith("I-"):
            before = {f"B-{tag[2:]}", tag}
            allowed[:, column] = [name in before for name in tags] + [False]
    return allowed


def best_tags(probabilities: np.ndarray, tags: Sequence[str]) -> np.ndarray:
    """The most probable sequence of BIO tags that breaks no rule.

    Args:
        probabilities: (words, tags), each row sums to 1.
        tags: BIO tags, "O" among them.

    Returns:
        (words,) int64, the index of each word's tag.

    Source: Viterbi, "Error bounds for convolutional codes" (1967); apart from the rules, words are
    treated as independent.
    """
    words = len(probabilities)
    scores = np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
    moves = np.where(allowed_moves(tags), 0.0, -np.inf)
    best = moves[-1] + scores[0] if words else np.zeros(len(tags))  # (tags,)
    came_from = np.zeros((words, len(tags)), dtype=np.int64)
    for word in range(1, words):
        reached = best[:, None] + moves[:-1]  # (tags before, tags)
        came_from[word] = reached.argmax(axis=0)
        best = reached.max(axis=0) + scores[word]
    chosen = np.zeros(words, dtype=np.int64)
    for word in reversed(range(words)):
        chosen[word] = best.argmax() if word == words - 1 else came_from[word + 1][chosen[word + 1]]
    return chosen


def find_spans(probabilities: np.ndarray, tags: Sequence[str]) -> list[ScoredSpan]:
    """The entities of one sentence.

    Args:
        probabilities: (words, tags), each row sums to 1.
        tags: BIO tags, "O" among them.

    Example:
        >>> find_spans(np.array([[0.1, 0.9, 0.0], [0.8, 0.1, 0.1]]), ["O", "B-PER", "I-PER"])
        [ScoredSpan(span=Span(start=0, end=1, type='PER'), score=0.9)]
    """
    chosen = best_tags(probabilities, tags)
    spans, _ = spans_of([tags[index] for index in chosen], "BIO")
    of_chosen = probabilities[np.arange(len(chosen)), chosen]  # (words,)
    return [ScoredSpan(span, float(of_chosen[span.start : span.end].mean())) for span in spans]


def outside(words: int, tags: Sequence[str]) -> np.ndarray:
    """Probabilities (words, tags) of "O" for every word."""
    probabilities = np.zeros((words, len(tags)))
    probabilities[:, list(tags).index(OUTSIDE)] = 1.0
    return probabilities
