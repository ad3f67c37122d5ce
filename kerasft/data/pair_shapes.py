"""The few shapes of a translator's batches that need the least padding."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Lengths of each side that a shape may have; of more distinct ones, quantiles are taken.
LEVELS = 32
# What a batch costs beside its positions, as a share of tokens_per_batch. It keeps small data from
# being spread over many small batches.
OVERHEAD = 0.1


class Shape(NamedTuple):
    """The shape of a bucket's batches, and how many an epoch has.

    Attributes:
        rows: Rows of each batch.
        source: Tokens of each source.
        target: Tokens of each target.
        batches: Batches in an epoch.
    """

    rows: int
    source: int
    target: int
    batches: int

    @property
    def positions(self) -> int:
        """Tokens in an epoch's batches of this shape, padding included, both sides together."""
        return self.batches * self.rows * (self.source + self.target)


def choose_shapes(
    source_lengths: np.ndarray, target_lengths: np.ndarray, tokens_per_batch: int, count: int
) -> list[Shape]:
    """Chooses at most `count` shapes, ascending on both sides, with the fewest positions an epoch.

    A pair belongs to the first shape that holds both its sides. A bucket's pairs are spread evenly
    over as few batches as hold them, so that hardly any row is filling.

    The choice is the best there is among lengths that occur (dynamic programming over pairs of
    lengths); where a side has more than `LEVELS` distinct lengths, among quantiles of these.

    Args:
        source_lengths: (pairs,) tokens of each source.
        target_lengths: (pairs,) tokens of each target.
        tokens_per_batch: Most positions on the longer side of a batch (of two rows or more).
        count: Most shapes.
    """
    sides = np.array(
        [(s, t) for s in _levels(source_lengths) for t in _levels(target_lengths)], dtype=np.int64
    )
    table = np.zeros((source_lengths.max() + 1, target_lengths.max() + 1), dtype=np.int64)
    np.add.at(table, (source_lengths, target_lengths), 1)
    # How many pairs fit into each candidate; and into it but not into the one before: (from, to).
    fitting = table.cumsum(0).cumsum(1)[sides[:, 0], sides[:, 1]]
    most_rows = np.maximum(tokens_per_batch // sides.max(1), 1)
    ascending = (sides[:, None] <= sides[None, :]).all(-1)

    def cost(pairs: np.ndarray) -> np.ndarray:
        rows, batches = _spread(pairs, most_rows)
        return batches * (rows * sides.sum(1) + OVERHEAD * tokens_per_batch)

    steps = np.where(ascending, cost(np.maximum(fitting[None, :] - fitting[:, None], 0)), np.inf)
    # best[k][i]: the least cost of all pairs that fit into candidate i, with k + 1 shapes or fewer.
    best, came_from = [cost(fitting)], []
    for _ in range(count - 1):
        totals = best[-1][:, None] + steps
        came_from.append(totals.argmin(0))
        best.append(totals.min(0))
    chosen = [len(sides) - 1]  # the longest of both sides
    for previous in reversed(came_from):
        chosen.insert(0, int(previous[chosen[0]]))
    shapes = []
    held = 0
    for i in chosen:
        rows, batches = _spread(fitting[i] - held, most_rows[i])
        if batches:
            shapes.append(Shape(int(rows), int(sides[i, 0]), int(sides[i, 1]), int(batches)))
        held = fitting[i]
    return shapes


def _levels(lengths: np.ndarray) -> np.ndarray:
    """Candidate lengths of one side, ascending: all, or quantiles that lie closer at the top."""
    distinct = np.unique(lengths)
    if len(distinct) <= LEVELS:
        return distinct
    shares = 1 - np.linspace(1, 0, LEVELS) ** 2
    return np.unique(np.quantile(lengths, shares, method="inverted_cdf"))


def _spread(pairs: np.ndarray, most_rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and number of the fewest batches that hold so many pairs, spread evenly."""
    batches = -(-pairs // most_rows)
    return -(-pairs // np.maximum(batches, 1)), batches
