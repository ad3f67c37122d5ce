"""Rows of several tasks in the same batches: what a text-to-text model's `fit` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from kerasft.data.adapter import EpochBatches
from kerasft.data.pair_shapes import choose_shapes
from kerasft.errors import ConfigError, DataError

# Batches whose rows are sorted by length together: enough that rows of a batch are of like length,
# few enough that a batch still mixes the tasks.
POOL = 16


@dataclass(frozen=True)
class TaskRows:
    """The token ids of one task.

    Attributes:
        source_ids: One int array (tokens,) a row: what the encoder reads.
        target_ids: One int array (tokens,) a row: what is to be said, the end token included.
        weight: How often the task's rows come, beside their number; 1 for as often as others.
    """

    source_ids: Sequence[np.ndarray]
    target_ids: Sequence[np.ndarray]
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.source_ids)


class MixtureBatches(EpochBatches):
    """Examples-proportional mixing: each task comes as often as it has rows, up to a cap.

    An epoch takes min(rows, cap) * weight rows of each task, rounded. A task of more rows than that
    goes on in the next epoch where it stopped, one of fewer is repeated within the epoch; either
    way each of its rows is seen as often as the others, give or take one. So nothing of a large
    task is lost, and no small one is drowned.

    The rows of an epoch are shuffled over the tasks. `POOL` batches at a time are sorted by length
    and cut, so that a batch holds rows of like length, and padded to the smallest of a few fixed
    shapes. Each batch is a tuple

        ({"source_ids": int32 (batch_size, s), "target_ids": int32 (batch_size, t)},
         labels: int32 (batch_size, t), sample_weight: float32 (batch_size, t))

    where the labels are the target and `target_ids` is the target moved one to the right, behind
    the start token (teacher forcing). The weight is 1 where a label is a real token, else 0. The
    last batch may lack rows; it is filled up with copies of its own that weigh 0.

    Epoch e depends on `numpy.random.default_rng([seed, ...])` of its number alone, so that a run
    can be stopped and resumed anywhere.

    Source: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
    Transformer" (2020), section 3.5.2 (the cap is its K).

    Example:
        >>> mixture = MixtureBatches({"summarize": TaskRows(texts, summaries)}, cap=1000,
        ...                          batch_size=8, pad_id=0, start_id=0, seed=0)
        >>> model.fit(mixture, epochs=10)
    """

    def __init__(
        self,
        tasks: Mapping[str, TaskRows],
        *,
        cap: int,
        batch_size: int,
        pad_id: int,
        start_id: int,
        seed: int,
        shape_count: int = 5,
    ):
        """Plans the batches.

        Args:
            tasks: Name -> rows.
            cap: Rows of a task that count at most, K.
            batch_size: Rows in each batch.
            pad_id: Token id that fills rows up to their batch's shape.
            start_id: Token id that the decoder reads first.
            shape_count: Most shapes that there may be.

        Raises:
            ConfigError: A number is out of range.
            DataError: A task has no rows, or one of them no tokens.
        """
        super().__init__()
        for name, value, least in (
            ("cap", cap, 1),
            ("batch_size", batch_size, 1),
            ("shape_count", shape_count, 1),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ConfigError(f"{name} is {value}; make it {least} or more")
        _check_tasks(tasks)
        self._source_ids = [
            np.asarray(ids, np.int32) for t in tasks.values() for ids in t.source_ids
        ]
        self._target_ids = [
            np.asarray(ids, np.int32) for t in tasks.values() for ids in t.target_ids
        ]
        self._sources = np.array([len(ids) for ids in self._source_ids], np.int64)
        self._targets = np.array([len(ids) for ids in self._target_ids], np.int64)
        self._batch_size, self._pad_id, self._start_id = batch_size, pad_id, start_id
        self._seed = seed
        self._sizes = {name: len(task) for name, task in tasks.items()}
        self.rows_per_epoch = {
            name: max(1, round(min(len(task), cap) * task.weight)) for name, task in tasks.items()
        }
        chosen = choose_shapes(
            self._sources, self._targets, batch_size * int(self._targets.max()), shape_count
        )
        self._shapes = [(shape.source, shape.target) for shape in chosen]
        self._plan = lru_cache(1)(self._make_plan)

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return -(-sum(self.rows_per_epoch.values()) // self._batch_size)

    @property
    def batch_size(self) -> int:
        """Rows in each batch."""
        return self._batch_size

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The shapes (batch_size, source tokens, target tokens) that may occur."""
        return [(self._batch_size, source, target) for source, target in self._shapes]

    @property
    def shares(self) -> dict[str, float]:
        """Task -> its share of an epoch's rows; they sum to 1."""
        total = sum(self.rows_per_epoch.values())
        return {name: rows / total for name, rows in self.rows_per_epoch.items()}

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        shapes = ", ".join(f"{s}/{t}" for s, t in self._shapes)
        tasks = ", ".join(
            f"{name} {rows} of {self._sizes[name]} rows ({self.shares[name]:.0%})"
            for name, rows in self.rows_per_epoch.items()
        )
        return (
            f"{len(self)} of {self._batch_size} rows per epoch, padded to {shapes} tokens "
            f"(source/target); {tasks}"
        )

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        rows = self._plan(epoch)[index]
        source, target = self._shape_of(rows)
        # np.resize repeats the rows from the first.
        filled = np.resize(rows, self._batch_size)
        source_ids = np.full((len(filled), source), self._pad_id, np.int32)
        labels = np.full((len(filled), target), self._pad_id, np.int32)
        for slot, row in enumerate(filled):
            source_ids[slot, : self._sources[row]] = self._source_ids[row]
            labels[slot, : self._targets[row]] = self._target_ids[row]
        start = np.full((len(filled), 1), self._start_id, np.int32)
        target_ids = np.concatenate([start, labels[:, :-1]], axis=1)  # (batch_size, t)
        real = np.arange(target) < self._targets[filled][:, None]  # (batch_size, t)
        real[len(rows) :] = False
        inputs = {"source_ids": source_ids, "target_ids": target_ids}
        return inputs, labels, real.astype(np.float32)

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """Which rows are in a batch, counted through all tasks in their order, without filling."""
        return self._plan(epoch)[index]

    def tokens(self, epoch: int, index: int) -> int:
        """Real label tokens in a batch."""
        return int(self._targets[self.rows(epoch, index)].sum())

    def _shape_of(self, rows: np.ndarray) -> tuple[int, int]:
        """The first shape that holds all of them; the last one holds every row."""
        source, target = self._sources[rows].max(), self._targets[rows].max()
        return next(shape for shape in self._shapes if shape[0] >= source and shape[1] >= target)

    def _make_plan(self, epoch: int) -> list[np.ndarray]:
        """The rows of each batch of an epoch."""
        first, chosen = 0, []
        for number, (name, count) in enumerate(self.rows_per_epoch.items()):
            size = self._sizes[name]
            places = np.arange(epoch * count, (epoch + 1) * count)
            for turn in np.unique(places // size):  # how often the task was gone through before
                order = np.random.default_rng([self._seed, 1, number, turn]).permutation(size)
                chosen.append(first + order[places[places // size == turn] % size])
            first += size
        rng = np.random.default_rng([self._seed, 2, epoch])
        rows = rng.permutation(np.concatenate(chosen))
        plan = []
        for start in range(0, len(rows), POOL * self._batch_size):
            pool = rows[start : start + POOL * self._batch_size]
            pool = pool[np.lexsort((self._targets[pool], self._sources[pool]))]
            plan += [pool[i : i + self._batch_size] for i in range(0, len(pool), self._batch_size)]
        return [plan[i] for i in rng.permutation(len(plan))]


def _check_tasks(tasks: Mapping[str, TaskRows]) -> None:
    if not tasks:
        raise DataError("there is no task to make batches of")
    for name, task in tasks.items():
        if not len(task):
            raise DataError(f"the task {name!r} has no rows")
        if len(task.source_ids) != len(task.target_ids):
            raise DataError(
                f"the task {name!r} has {len(task.source_ids)} sources, but "
                f"{len(task.target_ids)} targets"
            )
        if not min(map(len, (*task.source_ids, *task.target_ids))):
            raise DataError(f"a row of the task {name!r} has no tokens")
        if not 0 < task.weight < np.inf:  # also if it is NaN
            raise ConfigError(f"the task {name!r} has the weight {task.weight}; make it above 0")
