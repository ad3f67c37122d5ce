"""Sentence pairs in batches of a few fixed shapes: what a translator's `fit` takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from kerasft.data.adapter import EpochBatches
from kerasft.data.pair_shapes import Shape, choose_shapes
from kerasft.errors import ConfigError, DataError


class PairBatches(EpochBatches):
    """Source and target ids of like lengths together, for `fit` and `evaluate`.

    Pairs are grouped into `bucket_count` buckets or fewer. Each has one fixed shape: sources of up
    to s tokens, targets of up to t, and as many rows as `tokens_per_batch` allows, or somewhat
    fewer so that the bucket's batches are evenly full. The shapes are those that need the least
    padding for these lengths. A bucket's last batch may lack a few rows; it is filled up with
    copies of its own rows that weigh 0. Nothing changes its shape from one epoch to the next, so
    each backend compiles once a shape.

    Each batch is a tuple

        ({"source_ids": int32 (rows, s), "target_ids": int32 (rows, t)},
         labels: int32 (rows, t), sample_weight: float32 (rows, t))

    where a target `[SOS] l' acqua [EOS]` gives the decoder `[SOS] l' acqua` to read and the labels
    `l' acqua [EOS]` to predict. The weight is 1 where a label is a real token, else 0.

    Epoch e has the order of `numpy.random.default_rng([seed, e])`, which shuffles pairs within
    their buckets, then the batches. Unshuffled batches go from short to long.

    Example:
        >>> train = PairBatches(pairs.source_ids, pairs.target_ids, tokens_per_batch=3000, pad_id=1,
        ...                     shuffle=True, seed=0, max_length=60)
        >>> model.fit(train, epochs=10)
    """

    def __init__(
        self,
        source_ids: Sequence[np.ndarray],
        target_ids: Sequence[np.ndarray],
        *,
        tokens_per_batch: int,
        pad_id: int,
        shuffle: bool,
        seed: int,
        max_length: int,
        bucket_count: int = 5,
    ):
        """Plans the batches.

        Args:
            source_ids: One integer array (tokens,) `[SOS] source [EOS]` a pair.
            target_ids: One integer array (tokens,) `[SOS] target [EOS]` a pair.
            tokens_per_batch: Most positions in a batch, padding included, on the side (source or
                target) that has more; but a batch always has one row.
            pad_id: Token id that fills rows up to their bucket's lengths.
            shuffle: Whether each epoch has a different order.
            max_length: Most tokens that a source, and a target without [SOS], may have.
            bucket_count: Most shapes that there may be.

        Raises:
            ConfigError: A size is below 1, or the seed below 0.
            DataError: There are no pairs, the sides differ in number, or a pair is too long or
                empty.
        """
        super().__init__()
        for name, value, least in (
            ("tokens_per_batch", tokens_per_batch, 1),
            ("bucket_count", bucket_count, 1),
            ("max_length", max_length, 1),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ConfigError(f"{name} is {value}; make it {least} or more")
        self._source_ids = [np.asarray(ids, dtype=np.int32) for ids in source_ids]
        self._target_ids = [np.asarray(ids, dtype=np.int32) for ids in target_ids]
        self._source_lengths = np.array([len(ids) for ids in self._source_ids], dtype=np.int64)
        # What the decoder reads and what it must say are both one token shorter than the target.
        self._target_lengths = np.array([len(ids) - 1 for ids in self._target_ids], dtype=np.int64)
        _check_pairs(self._source_lengths, self._target_lengths, max_length)
        self._pad_id = pad_id
        self._shuffle = shuffle
        self._seed = seed
        self._buckets = choose_shapes(
            self._source_lengths, self._target_lengths, tokens_per_batch, bucket_count
        )
        self._bucket_of_row = np.empty(len(self._source_lengths), dtype=np.int64)
        for bucket in reversed(range(len(self._buckets))):  # the first that fits is set last
            shape = self._buckets[bucket]
            fits = (self._source_lengths <= shape.source) & (self._target_lengths <= shape.target)
            self._bucket_of_row[fits] = bucket
        self._plan = lru_cache(1)(self._make_plan)

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return sum(shape.batches for shape in self._buckets)

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The shapes (rows, source tokens, target tokens) that occur."""
        return [(shape.rows, shape.source, shape.target) for shape in self._buckets]

    @property
    def padding_share(self) -> float:
        """Share of an epoch's positions, both sides together, that hold padding or filling."""
        positions = sum(shape.positions for shape in self._buckets)
        real = int(self._source_lengths.sum() + self._target_lengths.sum())
        return 1.0 - real / positions

    @property
    def tokens_per_epoch(self) -> int:
        """Real label tokens in an epoch."""
        return int(self._target_lengths.sum())

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        shapes = ", ".join(f"{rows} x {s}/{t}" for rows, s, t in self.shapes)
        return (
            f"{len(self)} batches per epoch in the shapes {shapes} (rows x source/target tokens), "
            f"{self.tokens_per_epoch} target tokens; {self.padding_share:.0%} of the positions are "
            "padding"
        )

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        shape, rows = self._plan(epoch)[index]
        # np.resize repeats the rows from the first. (Rows of padding alone would make attention
        # divide by zero.)
        filled = np.resize(rows, shape.rows)
        source_ids = np.full((shape.rows, shape.source), self._pad_id, dtype=np.int32)
        target_ids = np.full((shape.rows, shape.target), self._pad_id, dtype=np.int32)
        labels = np.full((shape.rows, shape.target), self._pad_id, dtype=np.int32)
        for slot, row in enumerate(filled):
            source_ids[slot, : self._source_lengths[row]] = self._source_ids[row]
            target_ids[slot, : self._target_lengths[row]] = self._target_ids[row][:-1]
            labels[slot, : self._target_lengths[row]] = self._target_ids[row][1:]
        real = np.arange(shape.target) < self._target_lengths[filled][:, None]  # (rows, t)
        real[len(rows) :] = False
        inputs = {"source_ids": source_ids, "target_ids": target_ids}
        return inputs, labels, real.astype(np.float32)

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """Which pairs are in a batch, in its order: (rows,) indices, without the filling."""
        return self._plan(epoch)[index][1]

    def tokens(self, epoch: int, index: int) -> int:
        """Real label tokens in a batch."""
        return int(self._target_lengths[self.rows(epoch, index)].sum())

    def _make_plan(self, epoch: int) -> list[tuple[Shape, np.ndarray]]:
        """Shape and rows of each batch of an epoch."""
        if self._shuffle:
            rng = np.random.default_rng([self._seed, epoch])
            order = rng.permutation(len(self._bucket_of_row))
        else:
            rng = None
            order = np.lexsort((self._source_lengths, self._target_lengths))
        plan = []
        for bucket, shape in enumerate(self._buckets):
            rows = order[self._bucket_of_row[order] == bucket]
            plan += [
                (shape, rows[start : start + shape.rows])
                for start in range(0, len(rows), shape.rows)
            ]
        if rng is not None:
            plan = [plan[i] for i in rng.permutation(len(plan))]
        return plan


def _check_pairs(source_lengths: np.ndarray, target_lengths: np.ndarray, max_length: int) -> None:
    if len(source_lengths) != len(target_lengths):
        raise DataError(
            f"there are {len(source_lengths)} sources, but {len(target_lengths)} targets"
        )
    if not len(source_lengths):
        raise DataError("there are no pairs to make batches of")
    for name, lengths in (("source", source_lengths), ("target", target_lengths)):
        if lengths.max() > max_length:
            row = int(lengths.argmax())
            raise DataError(
                f"the {name} of pair {row} has {lengths[row]} tokens, more than max_length "
                f"({max_length})"
            )
        if lengths.min() < 1:
            raise DataError(f"the {name} of pair {int(lengths.argmin())} has no tokens")
