"""Batches of a classifier from labelled texts: tokens, class ids, weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from kerasft.data.batches import BucketedBatches, balanced_weights
from kerasft.data.text_pairs import texts_of
from kerasft.errors import ConfigError
from kerasft.tasks.labelled.dataset import Dataset

if TYPE_CHECKING:
    from kerasft.text.encodings import Encodings, LongTexts
    from kerasft.text.tokenizer import Tokenizer


class EncodesLabels(Protocol):
    """What makes arrays of labels."""

    def encode(self, labels: Sequence[Any], /) -> np.ndarray:
        """What a model is to give for rows: (rows,) ids, or (rows, outputs) float32."""


@dataclass(frozen=True)
class LabelledBatches:
    """The three parts of a dataset as batches of a few lengths.

    Attributes:
        train: Shuffled from the seed, weighted by class if asked for.
        validation: From short to long.
        test: From short to long; `test.unsort` puts predictions back in the order of the rows.
        encodings: Part -> its token ids, and what was cut.
        class_weight: Class id -> weight of its training rows; None if all weigh 1.
    """

    train: BucketedBatches
    validation: BucketedBatches
    test: BucketedBatches
    encodings: dict[str, Encodings]
    class_weight: dict[int, float] | None

    def describe(self) -> list[str]:
        """What was cut and what is unknown: a sentence for each part."""
        return [f"{part}: {found.summary()}" for part, found in self.encodings.items()]


def labelled_batches(
    dataset: Dataset,
    tokenizer: Tokenizer,
    labels: EncodesLabels,
    *,
    segments: bool = False,
    max_length: int,
    long_texts: LongTexts = "cut",
    batch_size: int,
    seed: int,
    class_weight: str = "none",
    group_by_length: bool | None = None,
) -> LabelledBatches:
    """Encodes the texts and labels of a dataset and plans their batches.

    Args:
        dataset: Training, validation and test rows.
        tokenizer: Turns texts into token ids.
        labels: Makes arrays of what rows say: a `LabelMap`, or any `Target`.
        segments: Whether the model reads `segment_ids` of pairs; see `HeadedEncoder`.
        max_length: Most tokens of a text or pair.
        long_texts: What becomes of a longer text; see `Tokenizer.encode`.
        batch_size: Rows in each batch.
        seed: Seed of the order of the training rows.
        class_weight: `balanced` weighs each training row by the inverse of its class's share.
        group_by_length: See `BucketedBatches`.

    Raises:
        ConfigError: A size is out of range, or rows without one label are to be weighed by class.
        DataError: A text has no token.

    Example:
        >>> batches = labelled_batches(dataset, tokenizer, target, max_length=128,
        ...                            batch_size=16, seed=0)
        >>> model.fit(batches.train, validation_data=batches.validation)
    """
    encodings = {
        name: tokenizer.encode(texts_of(part), max_length, long_texts)
        for name, part in dataset.parts.items()
    }
    encoded = {name: labels.encode(part["label"]) for name, part in dataset.parts.items()}
    if class_weight == "balanced" and encoded["train"].ndim > 1:
        raise ConfigError('class_weight="balanced" is for rows with one label each; leave it out.')
    weights = balanced_weights(encoded["train"]) if class_weight == "balanced" else None

    def batches_of(part: str, **options: Any) -> BucketedBatches:
        return BucketedBatches(
            encodings[part].token_ids,
            encoded[part],
            batch_size=batch_size,
            pad_id=tokenizer.pad_id,
            max_length=max_length,
            seed=seed,
            segment_ids=encodings[part].segment_ids if segments else None,
            **options,
        )

    return LabelledBatches(
        train=batches_of(
            "train", shuffle=True, sample_weight=weights, group_by_length=group_by_length
        ),
        validation=batches_of("validation", shuffle=False),
        test=batches_of("test", shuffle=False),
        encodings=encodings,
        class_weight=None if weights is None else _by_class(encoded["train"], weights),
    )


def _by_class(labels: np.ndarray, weights: np.ndarray) -> dict[int, float]:
    """Class id -> weight, of labels (rows,) and weights (rows,)."""
    return {int(label): float(weights[labels == label][0]) for label in np.unique(labels)}
