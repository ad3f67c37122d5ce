"""How `model.fit` takes our batches: a data adapter of our own, the same on all backends.

Why not `keras.utils.PyDataset`: on TensorFlow its batches go through `tf.data.from_generator`,
whose signature is fixed from the first two batches (so training fails when these happen to have one
length and a later one has not) and which stalls at the end of each epoch; on every backend its
worker threads cost time to join, while a batch here is cut from arrays in microseconds. `fit`,
`evaluate` and `predict` accept any `DataAdapter` as it is, and hand its NumPy batches to the
compiled step directly.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from keras.src.trainers.data_adapters.data_adapter import DataAdapter

from kerasft.errors import ConfigError


class EpochBatches(DataAdapter):
    """Batches that know which epoch they are in, for `fit`, `evaluate` and `predict`.

    A subclass has a fixed number of batches per epoch (`__len__`) and makes each of them from the
    number of the epoch and its index alone (`batch`). So training can stop anywhere and go on:

        batches.start_epoch(3, first_batch=120)     # where the last run ended
        model.fit(batches, initial_epoch=3, epochs=4)   # the rest of epoch 3 ...
        model.fit(batches, initial_epoch=4, epochs=10)  # ... and whole epochs from here on

    The rest of an epoch is a `fit` call of its own, because `fit` counts the batches once, at its
    start. Each epoch that `fit` takes to its end moves `epoch` on by one and sets `first_batch` to
    0 (before the callbacks' `on_epoch_end`); one that is broken off is begun again.

    The epoch counts every iterator that Keras makes: `model.evaluate` on the training batches would
    move it on too, so evaluate on an object of its own.

    Iterating over the object itself (`for batch in batches`) gives what `fit` would get next and
    changes nothing.
    """

    def __init__(self) -> None:
        self._epoch = 0
        self._first_batch = 0
        self._drawn = 0
        self._asked_again = False

    @abstractmethod
    def __len__(self) -> int:
        """Number of batches in a whole epoch."""

    @abstractmethod
    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` (0 ... len - 1) of an epoch; the same arguments, the same batch."""

    @property
    def epoch(self) -> int:
        """The epoch that is running or comes next, from 0."""
        return self._epoch

    @property
    def first_batch(self) -> int:
        """The index at which the current epoch begins; the batches before it are skipped."""
        return self._first_batch

    def start_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Sets what the next `fit` call begins with.

        Args:
            epoch: Number of the epoch, from 0.
            first_batch: Batches of that epoch to skip.

        Raises:
            ConfigError: The epoch is negative or the epoch has no such batch.
        """
        if epoch < 0 or not 0 <= first_batch < len(self):
            raise ConfigError(
                f"cannot start at batch {first_batch} of epoch {epoch}: epochs count from 0 and "
                f"have batches 0 to {len(self) - 1}"
            )
        self._epoch, self._first_batch = epoch, first_batch
        self._rewind()

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        epoch = self._epoch
        for index in range(self._first_batch, len(self)):
            yield self.batch(epoch, index)

    # What Keras calls. `fit` asks for an iterator when an epoch begins and, having drawn all of its
    # batches, once more before it reports the end. The order of calls is
    #
    #     [on_epoch_begin, iterator, one batch, on_epoch_end]   before the first epoch, if the
    #                                                           metrics' variables are to be made
    #     on_epoch_end
    #     on_epoch_begin, iterator, all batches, iterator, on_epoch_end   each epoch
    #
    # so an epoch is over when all is drawn and an iterator was asked for since: in an epoch of one
    # batch the first line alone would look like an epoch.

    @property
    def num_batches(self) -> int:
        """Number of batches from `first_batch` to the end of the epoch."""
        return len(self) - self._first_batch

    @property
    def batch_size(self) -> int | None:
        """Rows in each batch."""
        return None

    @property
    def has_partial_batch(self) -> bool:
        """Never: short batches are filled."""
        return False

    @property
    def partial_batch_size(self) -> None:
        """None: short batches are filled."""
        return None

    def get_numpy_iterator(self) -> _Passes:
        """What Keras iterates over."""
        self._note_request()
        return _Passes(self)

    get_jax_iterator = get_numpy_iterator
    get_torch_dataloader = get_numpy_iterator
    # TensorFlow's default strategy passes anything on as it is; `fit` then calls iter() on it.
    get_tf_dataset = get_numpy_iterator

    def on_epoch_end(self) -> None:
        """Moves on to the next epoch if this one was drawn to its end."""
        # With three batches or more nothing but an epoch draws all (JAX may look one batch ahead).
        if self._drawn >= self.num_batches and (self._asked_again or self.num_batches > 2):
            self._epoch += 1
            self._first_batch = 0
        self._rewind()

    def _rewind(self) -> None:
        self._drawn = 0
        self._asked_again = False

    def _note_request(self) -> None:
        self._asked_again = self._drawn >= self.num_batches

    def _draw(self) -> Iterator[tuple[Any, ...]]:
        for batch in self:
            self._drawn += 1
            yield batch


class _Passes:
    """An iterable over the current epoch that reports to the adapter what was drawn."""

    def __init__(self, batches: EpochBatches):
        self._batches = batches

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        self._batches._note_request()
        return self._batches._draw()
