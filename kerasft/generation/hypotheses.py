"""The results of a search: token ids, their score, and whether they were cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kerasft.generation.search import Search


@dataclass(frozen=True)
class Hypothesis:
    """One output.

    Attributes:
        token_ids: Without [SOS] and [EOS].
        score: The sum of the log-probabilities of its tokens, [EOS] included if it has one.
        truncated: It reached `max_length` without [EOS].
    """

    token_ids: tuple[int, ...]
    score: float
    truncated: bool

    def rank(self, length_penalty: float) -> float:
        """What beam search compares: see `Search`."""
        length = len(self.token_ids) + (not self.truncated)
        return self.score / length**length_penalty


class Generates(Protocol):
    """A search, of `Generator` or of another program."""

    def generate(self, source_ids: Sequence[np.ndarray]) -> list[list[Hypothesis]]:
        """The best hypotheses of each source, the best first; see `Generator.generate`."""
        ...


def of_greedy(found: Mapping[str, np.ndarray], search: Search, row: int) -> list[Hypothesis]:
    """The one hypothesis of a row of `greedy_search`."""
    tokens = found["tokens"][row].tolist()
    truncated = search.end_id not in tokens
    if not truncated:
        tokens = tokens[: tokens.index(search.end_id)]
    return [Hypothesis(tuple(tokens), float(found["scores"][row]), truncated)]


def of_beams(
    found: Mapping[str, np.ndarray], search: Search, row: int, n_best: int
) -> list[Hypothesis]:
    """The best hypotheses of a row of `beam_search`.

    Those that have ended come first, best first (with `Search.rank_cut`, those cut at `max_length`
    are ranked among them); then, if these are too few, those that were cut.
    """
    from kerasft.generation.scores import possible  # imports Keras

    hypotheses = []
    for beam in range(search.beam_size):
        score = found["ended"][row, beam]
        if possible(score):
            end, parent = int(found["ends"][row, beam]), int(found["ended_parents"][row, beam])
            tokens = _trace(found, row, end - 1, parent)
            last = int(found["ended_tokens"][row, beam])
            truncated = last != search.end_id
            if truncated:
                tokens += (last,)
            hypotheses.append(Hypothesis(tokens, float(score), truncated))
    if len(hypotheses) < n_best:
        for beam in range(search.beam_size):
            score = found["live"][row, beam]
            if possible(score):
                tokens = _trace(found, row, int(found["steps"]) - 1, beam)
                hypotheses.append(Hypothesis(tokens, float(score), truncated=True))
    # Only NaN leaves no possible hypothesis; the score shows it.
    return hypotheses[:n_best] or [Hypothesis((), float("nan"), truncated=True)]


def _trace(found: Mapping[str, np.ndarray], row: int, position: int, beam: int) -> tuple[int, ...]:
    """The tokens of a beam at a position and of its ancestors, in the order of the text."""
    tokens = []
    for place in range(position, -1, -1):
        tokens.append(int(found["tokens"][place, row, beam]))
        beam = int(found["parents"][place, row, beam])
    return tuple(reversed(tokens))
