"""Batches of a tagger from sentences with entities: tokens, tag ids, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasft.data.adapter import EpochBatches
from kerasft.data.batches import BucketedBatches
from kerasft.errors import DataError
from kerasft.tasks.entities.dataset import EntityDataset
from kerasft.tasks.entities.rows import EntityRows
from kerasft.tasks.entities.tag_schemes import tags_of
from kerasft.tasks.tagging.word_windows import Window, Windows, training_windows
from kerasft.text.labels import LabelMap
from kerasft.text.tokenizer import Tokenizer


class TaggedBatches(EpochBatches):
    """Windows of sentences in batches of a few fixed shapes, for a `Tagger`.

    Each batch is a tuple

        ({"token_ids": int32 (batch_size, length), "padding_mask": bool (batch_size, length)},
         labels: int32 (batch_size, length), weights: float32 (batch_size, length))

    A word's tag is at its first token; all other tokens, padding and filling weigh 0. The
    weights of the words make up for the mean over a batch's slots that Keras takes: they are slots
    / (words in an epoch / batches). So each word counts the same in the gradient, whatever batch it
    is in, and the logs of an epoch are means over its words. Rows, order and shapes are those of
    `BucketedBatches`.

    Example:
        >>> train = TaggedBatches(windows, tags, batch_size=16, pad_id=0, max_length=128,
        ...                       shuffle=True, seed=0)
        >>> model.fit(train, epochs=3)
    """

    def __init__(
        self,
        windows: Sequence[Window],
        tags: Sequence[np.ndarray],
        *,
        batch_size: int,
        pad_id: int,
        max_length: int,
        shuffle: bool,
        seed: int,
        group_by_length: bool | None = None,
    ):
        """Plans the batches.

        Args:
            windows: The windows of all sentences.
            tags: (words of the window,) tag ids of each window.
            batch_size: Rows in each batch.
            pad_id: Token id that fills rows up to their bucket's length.
            max_length: Most tokens of a window.
            shuffle: Whether each epoch has a different order.
            group_by_length: See `BucketedBatches`.

        Raises:
            ConfigError: A size is out of range.
            DataError: There are no windows, or no word has a token.
        """
        super().__init__()
        self._rows = BucketedBatches(
            [window.token_ids for window in windows],
            np.zeros(len(windows), dtype=np.int32),  # a classifier's labels, not looked at here
            batch_size=batch_size,
            pad_id=pad_id,
            max_length=max_length,
            shuffle=shuffle,
            seed=seed,
            group_by_length=group_by_length,
        )
        # Of each window: where its words begin, and their tags; words without a token drop out.
        self._places = [window.first_tokens[window.first_tokens >= 0] for window in windows]
        self._tags = [
            np.asarray(ids, dtype=np.int32)[window.first_tokens >= 0]
            for window, ids in zip(windows, tags, strict=True)
        ]
        self.words_per_epoch = sum(map(len, self._places))
        if not self.words_per_epoch:
            raise DataError("no word of the sentences has a token")

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return len(self._rows)

    @property
    def batch_size(self) -> int:
        """Rows in each batch."""
        return self._rows.batch_size

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """The shapes (batch_size, length) that occur."""
        return self._rows.shapes

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        return f"{self._rows.summary()}; {self.words_per_epoch} words per epoch have a tag"

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """Which windows are in a batch, in its order: (batch_size,) or fewer indices."""
        return self._rows.rows(epoch, index)

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        inputs, _, _ = self._rows.batch(epoch, index)
        shape = inputs["token_ids"].shape
        labels = np.zeros(shape, dtype=np.int32)
        weights = np.zeros(shape, dtype=np.float32)
        weight = shape[0] * shape[1] * len(self) / self.words_per_epoch
        # What fills the batch up behind these rows weighs 0.
        for slot, row in enumerate(self.rows(epoch, index)):
            labels[slot, self._places[row]] = self._tags[row]
            weights[slot, self._places[row]] = weight
        return inputs, labels, weights


@dataclass(frozen=True)
class TaggedParts:
    """The training and validation batches of a tagger.

    Attributes:
        train: Shuffled from the seed.
        validation: From short to long.
        windows: "train" and "validation" -> what became of long sentences.
    """

    train: TaggedBatches
    validation: TaggedBatches
    windows: dict[str, Windows]

    def describe(self) -> list[str]:
        """What was cut and what is unknown: a sentence for each part."""
        return [f"{part}: {found.summary()}" for part, found in self.windows.items()]


def tagged_batches(
    dataset: EntityDataset,
    tokenizer: Tokenizer,
    tags: LabelMap,
    *,
    max_length: int,
    batch_size: int,
    seed: int,
    group_by_length: bool | None = None,
) -> TaggedParts:
    """Encodes training and validation sentences and plans their batches.

    Entities of types that training lacks (they have no tag) count as no entities here.

    Args:
        dataset: The sentences.
        tokenizer: Turns words into tokens.
        tags: The names of the BIO tags.
        max_length: Most tokens of a window, special tokens included.
        batch_size: Windows in each batch.
        seed: Seed of the order of the training windows.
        group_by_length: See `BucketedBatches`.

    Raises:
        ConfigError: A size is out of range.
        DataError: No word has a token.

    Example:
        >>> parts = tagged_batches(
        ...     dataset, tokenizer, dataset.tags, max_length=128, batch_size=16, seed=0
        ... )
        >>> model.fit(parts.train, validation_data=parts.validation)
    """
    windows = {
        part: training_windows(tokenizer, dataset.parts[part].sentences, max_length)
        for part in ("train", "validation")
    }

    def batches_of(part: str) -> TaggedBatches:
        table = dataset.parts[part]
        ids = _tag_ids(table, tags)
        return TaggedBatches(
            windows[part].windows,
            [ids[window.sentence][window.start : window.end] for window in windows[part].windows],
            batch_size=batch_size,
            pad_id=tokenizer.pad_id,
            max_length=max_length,
            shuffle=part == "train",
            seed=seed,
            group_by_length=group_by_length if part == "train" else None,
        )

    return TaggedParts(batches_of("train"), batches_of("validation"), windows)


def _tag_ids(table: EntityRows, tags: LabelMap) -> list[np.ndarray]:
    """(words,) tag ids of each sentence."""
    return [
        tags.encode(
            tags_of(
                [span for span in sentence.spans if f"B-{span.type}" in tags.names],
                len(sentence.tokens),
            )
        )
        for sentence in table.sentences
    ]
