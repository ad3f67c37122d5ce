"""Batches for a loss that compares the texts of a batch: some classes, some texts of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasft.data.batches import BucketedBatches
from kerasft.errors import ConfigError, DataError


class ContrastiveBatches(BucketedBatches):
    """Token ids in batches that hold two texts or more of each class in them.

    A batch of B distinct texts has min(classes, B // 2) classes and as many texts of each as there
    is room for; what a small class leaves empty, other texts fill. Classes take turns, and so do
    the texts of a class: none comes again before all others of it have come. So a class counts as
    much as any other, whatever its share of the rows. Each batch is full and weighs 1:

        ({"token_ids": int32 (B, length), "padding_mask": bool (B, length)}, labels: int32 (B,))

    Epoch e has the order of `numpy.random.default_rng([seed, e])`.

    Example:
        >>> train = ContrastiveBatches(ids, labels, count=15, batch_size=32, pad_id=0,
        ...                            max_length=64, seed=0)
        >>> vectors.fit(train, epochs=4)
    """

    def __init__(
        self,
        token_ids: Sequence[np.ndarray],
        labels: np.ndarray,
        *,
        count: int,
        batch_size: int,
        pad_id: int,
        max_length: int,
        seed: int,
    ):
        """Plans the batches.

        Args:
            token_ids: One integer array (tokens,) a row.
            labels: (rows,) class ids.
            count: Batches in an epoch.
            batch_size: Texts in each batch, or all where there are fewer.
            pad_id: Token id that fills rows up.
            max_length: Most tokens that a row may have.
            seed: Of the order.

        Raises:
            ConfigError: A size is out of range.
            DataError: There is one class alone, or one of a single row.
        """
        labels = np.asarray(labels)
        self._classes = [np.flatnonzero(labels == name) for name in np.unique(labels)]
        if len(self._classes) < 2 or min(map(len, self._classes)) < 2:
            raise DataError("contrastive batches need two classes or more, of two rows or more")
        if batch_size < 4 or count < 1:
            raise ConfigError(
                f"there are {count} contrastive batches of {batch_size} texts; give 1 or more of 4 "
                "or more"
            )
        self._batches = count
        super().__init__(
            token_ids,
            labels,
            batch_size=min(batch_size, len(labels)),
            pad_id=pad_id,
            max_length=max_length,
            shuffle=True,
            seed=seed,
            group_by_length=False,
        )

    def __len__(self) -> int:
        """Number of batches in an epoch."""
        return self._batches

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        return super().batch(epoch, index)[:2]

    def _pieces(self, rng: np.random.Generator) -> list[np.ndarray]:
        """The rows of each batch of an epoch."""
        classes = _Turns(np.arange(len(self._classes)), rng)
        rows = [_Turns(members, rng) for members in self._classes]
        everything = _Turns(np.arange(sum(map(len, self._classes))), rng)
        count = min(len(self._classes), self._batch_size // 2)
        pieces = []
        for _ in range(self._batches):
            chosen: list[int] = []
            for name in classes.take(count):
                most = min(self._batch_size // count, len(self._classes[name]))
                chosen += rows[name].take(most, chosen)
            chosen += everything.take(self._batch_size - len(chosen), chosen)
            pieces.append(np.array(chosen))
        return pieces


class _Turns:
    """Items that take turns: none comes again before all others have come."""

    def __init__(self, items: np.ndarray, rng: np.random.Generator):
        self._items, self._rng = items, rng
        self._waiting: list[int] = []

    def take(self, count: int, taken: Sequence[int] = ()) -> list[int]:
        """The next items that differ from each other and from what is taken."""
        found: list[int] = []
        while len(found) < count:
            free = (item for item in self._waiting if item not in found and item not in taken)
            if (item := next(free, None)) is None:
                self._waiting += self._rng.permutation(self._items).tolist()
            else:
                self._waiting.remove(item)
                found.append(item)
        return found
