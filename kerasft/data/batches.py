"""Length buckets: which rows go into which batch, and how they are padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kerasft.data.adapter import EpochBatches
from kerasft.errors import ConfigError, DataError

# Bucket lengths are multiples of this many tokens.
STEP = 8
# Epochs of fewer batches are not grouped by length unless asked for.
GROUPED_FROM = 64


@dataclass(frozen=True)
class _Planned:
    """One batch of an epoch: its length in tokens and its rows, batch_size of them or fewer."""

    length: int
    rows: np.ndarray


class BucketedBatches(EpochBatches):
    """Token ids in batches of a few fixed shapes: what `fit`, `evaluate` and `predict` take.

    Rows are grouped by length into `bucket_count` buckets or fewer, whose lengths (multiples of 8)
    are those that need the least padding. What is left in a bucket after its last full batch goes
    up into the next one, so that only one batch of the epoch is short; it is filled up with copies
    of its own rows that weigh 0. Nothing changes its shape from one epoch to the next, so each
    backend compiles once a shape.

    Each batch is a tuple

        ({"token_ids": int32 (batch_size, length), "padding_mask": bool (batch_size, length)},
         labels: int32 (batch_size,) or as given, sample_weight: float32 (batch_size,))

    or, without labels, a tuple of the inputs alone. Where segments are given, the inputs have
    "segment_ids" besides, int32 (batch_size, length), 0 in the padding.

    A loss of `fit` or `evaluate` is a mean over all slots of all batches. So that it is the mean
    over the rows, each row's weight is multiplied by slots/rows (1 when no batch is short). Pass
    metrics to `compile` as `weighted_metrics`, because those in `metrics` would count the filling
    too.

    Grouping saves padding, but batches of texts of one length are not a fair sample where length
    goes with class, and an epoch of few batches does not average that out: on 237 texts it cost 4
    points of accuracy. So small data is not grouped by default: each batch is then a random sample,
    padded to the smallest of the lengths that holds it.

    Epoch e has the order of `numpy.random.default_rng([seed, e])`, which shuffles rows within
    their buckets, then the batches. Unshuffled batches go from short to long; `unsort` puts what
    the model returns back in order.

    Example:
        >>> train = BucketedBatches(ids, labels, batch_size=16, pad_id=0, max_length=128,
        ...                         shuffle=True, seed=0)
        >>> model.fit(train, epochs=3)
    """

    def __init__(
        self,
        token_ids: Sequence[np.ndarray],
        labels: np.ndarray | None,
        *,
        batch_size: int,
        pad_id: int,
        max_length: int,
        shuffle: bool,
        seed: int,
        sample_weight: np.ndarray | None = None,
        segment_ids: Sequence[np.ndarray] | None = None,
        bucket_count: int = 4,
        group_by_length: bool | None = None,
    ):
        """Plans the batches.

        Args:
            token_ids: One integer array (tokens,) a row.
            labels: (rows,) class ids, (rows, outputs) float32 of anything else, or None to predict.
            batch_size: Rows in each batch.
            pad_id: Token id that fills rows up to their bucket's length.
            max_length: Most tokens that a row may have.
            shuffle: Whether each epoch has a different order.
            sample_weight: (rows,) weight of each row in the loss; 1 by default.
            segment_ids: Of pairs of texts: an integer array (tokens,) a row, which text each token
                is of; only for models that read them (`HeadedEncoder.reads_segments`).
            bucket_count: Most shapes that there may be.
            group_by_length: Whether shuffled batches hold rows of like length; None groups epochs
                of `GROUPED_FROM` batches or more. Unshuffled batches are always sorted.

        Raises:
            ConfigError: A size is below 1, the seed below 0, or rows to predict are shuffled.
            DataError: There are no rows, one is too long or empty, the arrays' sizes differ or a
                weight is negative.
        """
        super().__init__()
        for name, value, least in (
            ("batch_size", batch_size, 1),
            ("max_length", max_length, 1),
            ("bucket_count", bucket_count, 1),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ConfigError(f"{name} is {value}; make it {least} or more")
        if labels is None and shuffle:
            raise ConfigError("batches without labels cannot be shuffled")
        self._token_ids = [np.asarray(ids, dtype=np.int32) for ids in token_ids]
        self._segment_ids = None if segment_ids is None else list(segment_ids)
        self._lengths = np.array([len(ids) for ids in self._token_ids], dtype=np.int64)
        rows = len(self._token_ids)
        _check_rows(self._lengths, max_length, labels, sample_weight)
        self._batch_size = batch_size
        self._pad_id = pad_id
        self._shuffle = shuffle
        self._seed = seed
        self._labels = None if labels is None else _narrow(labels)
        weights = np.ones(rows) if sample_weight is None else np.asarray(sample_weight)
        slots = -(-rows // batch_size) * batch_size
        self._weights = (weights * (slots / rows)).astype(np.float32)
        self._count = slots // batch_size
        self._grouped = not shuffle or (
            self._count >= GROUPED_FROM if group_by_length is None else group_by_length
        )
        if self._grouped:
            # Sorted by length and cut every batch_size rows, each piece needs the length of its
            # last row. The buckets' batches are just these pieces, whatever the order in a bucket.
            last_rows = np.arange(batch_size, slots + 1, batch_size).clip(max=rows) - 1
            needed = np.sort(self._lengths)[last_rows]
        else:
            longest = [self._lengths[piece].max() for piece in self._pieces(self._rng(0))]
            needed = np.array([*longest, self._lengths.max()])
        needed = np.minimum(-(-needed // STEP) * STEP, max_length)
        self.bucket_lengths = _choose_lengths(needed, bucket_count)
        bucket_of_batch = np.searchsorted(self.bucket_lengths, needed)
        self._counts = np.bincount(bucket_of_batch, minlength=len(self.bucket_lengths))
        self._bucket_of_row = np.searchsorted(self.bucket_lengths, self._lengths)
        self._plan = lru_cache(1)(self._make_plan)

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return self._count

    @property
    def batch_size(self) -> int:
        """Rows in each batch."""
        return self._batch_size

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shapes (batch_size, length) that occur."""
        return [(self._batch_size, length) for length in self.bucket_lengths]

    @property
    def padding_share(self) -> float:
        """Share of the positions in the first epoch that hold padding or filling, 0 to 1."""
        plan = self._make_plan(0)
        positions = self._batch_size * sum(planned.length for planned in plan)
        return 1.0 - sum(int(self._lengths[planned.rows].sum()) for planned in plan) / positions

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        lengths = ", ".join(map(str, self.bucket_lengths))
        return (
            f"{len(self)} of {self._batch_size} rows per epoch, padded to {lengths} tokens; "
            f"{self.padding_share:.0%} of the positions are padding"
        )

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        planned = self._plan(epoch)[index]
        rows = planned.rows
        # np.resize repeats the rows from the first; the copies weigh nothing. (Rows of padding
        # alone would make attention divide by zero.)
        filled = np.resize(rows, self._batch_size)
        token_ids = np.full((self._batch_size, planned.length), self._pad_id, dtype=np.int32)
        padding_mask = np.arange(planned.length) < self._lengths[filled][:, None]
        for slot, row in enumerate(filled):
            token_ids[slot, : self._lengths[row]] = self._token_ids[row]
        inputs = {"token_ids": token_ids, "padding_mask": padding_mask}
        if self._segment_ids is not None:
            inputs["segment_ids"] = np.zeros_like(token_ids)
            for slot, row in enumerate(filled):
                inputs["segment_ids"][slot, : self._lengths[row]] = self._segment_ids[row]
        if self._labels is None:
            return (inputs,)
        sample_weight = self._weights[filled]
        sample_weight[len(rows) :] = 0.0
        return inputs, self._labels[filled], sample_weight

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """Which rows are in a batch, in its order: (batch_size,) or fewer indices."""
        return self._plan(epoch)[index].rows

    def unsort(self, outputs: np.ndarray) -> np.ndarray:
        """Puts the model's outputs for unshuffled batches back into the order of the rows.

        Args:
            outputs: (len * batch_size, ...), as `model.predict(batches)` returns them.

        Returns:
            (rows, ...), without the filling.
        """
        if self._shuffle:
            raise ConfigError("outputs of shuffled batches cannot be put back in order")
        order = np.concatenate([planned.rows for planned in self._plan(0)])
        result = np.empty((len(order), *outputs.shape[1:]), dtype=outputs.dtype)
        result[order] = outputs[: len(order)]  # the one short batch is the last
        return result

    def _rng(self, epoch: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, epoch])

    def _pieces(self, rng: np.random.Generator) -> list[np.ndarray]:
        """All rows in random order, cut every batch_size rows."""
        order = rng.permutation(len(self._lengths))
        return [order[i : i + self._batch_size] for i in range(0, len(order), self._batch_size)]

    def _make_plan(self, epoch: int) -> list[_Planned]:
        if not self._grouped:
            pieces = self._pieces(self._rng(epoch))
            buckets = [self._bucket_of_row[piece].max() for piece in pieces]
            return [
                _Planned(self.bucket_lengths[b], p) for b, p in zip(buckets, pieces, strict=True)
            ]
        rng = self._rng(epoch) if self._shuffle else None
        if rng is None:
            order = np.argsort(self._lengths, kind="stable")
        else:
            order = rng.permutation(len(self._lengths))
        plan = []
        waiting = order[:0]
        for bucket, length in enumerate(self.bucket_lengths):
            waiting = np.concatenate([waiting, order[self._bucket_of_row[order] == bucket]])
            if rng is not None:
                rng.shuffle(waiting)
            for _ in range(self._counts[bucket]):
                plan.append(_Planned(length, waiting[: self._batch_size]))
                waiting = waiting[self._batch_size :]
        if rng is not None:
            plan = [plan[i] for i in rng.permutation(len(plan))]
        return plan


def _check_rows(
    lengths: np.ndarray,
    max_length: int,
    labels: np.ndarray | None,
    sample_weight: np.ndarray | None,
) -> None:
    if not len(lengths):
        raise DataError("there are no rows to make batches of")
    if lengths.max() > max_length:
        row = int(lengths.argmax())
        raise DataError(f"row {row} has {lengths[row]} tokens, more than max_length ({max_length})")
    if lengths.min() < 1:
        raise DataError(f"row {int(lengths.argmin())} has no tokens")
    for name, array in (("labels", labels), ("sample_weight", sample_weight)):
        if array is None:
            continue
        # Labels may be several a row.
        shape = np.shape(array)[:1] if name == "labels" else np.shape(array)
        if shape != lengths.shape:
            raise DataError(
                f"{name} has the shape {np.shape(array)}, but there are {len(lengths)} rows"
            )
    if sample_weight is not None:
        usable = np.isfinite(sample_weight) & (np.asarray(sample_weight) >= 0)
        if not usable.all():
            row = int(np.argmin(usable))
            raise DataError(
                f"sample_weight of row {row} is {sample_weight[row]}; it must be 0 or more"
            )


def _narrow(labels: np.ndarray) -> np.ndarray:
    """Class ids as int32, numbers and several labels per row as float32."""
    floats = np.issubdtype(np.asarray(labels).dtype, np.floating)
    return np.asarray(labels, dtype=np.float32 if floats else np.int32)


def _choose_lengths(needed: np.ndarray, count: int) -> list[int]:
    """Chooses at most `count` lengths for batches that need (batches,) `needed` tokens, ascending.

    Each batch takes the smallest chosen length that holds it; the total is as small as can be
    (dynamic programming over the distinct lengths).
    """
    distinct, batches = np.unique(needed, return_counts=True)
    # best[i]: cost and choice for the i shortest distinct lengths, the longest of them chosen.
    best: list[tuple[float, list[int]]] = [(0, [])]
    best += [(float("inf"), [])] * len(distinct)
    totals = np.concatenate([[0], np.cumsum(batches)])
    for _ in range(min(count, len(distinct))):
        previous = best.copy()
        for i in range(1, len(distinct) + 1):
            for j in range(i):
                cost = previous[j][0] + float(distinct[i - 1] * (totals[i] - totals[j]))
                if cost < best[i][0]:
                    best[i] = (cost, [*previous[j][1], int(distinct[i - 1])])
    return best[-1][1]


def balanced_weights(labels: np.ndarray) -> np.ndarray:
    """Weighs each row by the inverse of its class's share, as scikit-learn's "balanced" does.

    Args:
        labels: (rows,) class ids.

    Returns:
        (rows,) float32: rows / (classes that occur * rows of the class), whose mean is 1.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return (len(labels) / (len(counts) * counts[classes])).astype(np.float32)
