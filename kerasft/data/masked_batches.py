"""Texts with some of their tokens hidden: what a masked language model's `fit` takes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.data.adapter import EpochBatches
from kerasft.data.batches import BucketedBatches
from kerasft.errors import ConfigError, DataError
from kerasft.text.wordpiece import SPECIAL_TOKENS

if TYPE_CHECKING:
    from kerasft.text.encodings import Encodings
    from kerasft.text.tokenizer import Tokenizer

# Of a text's tokens 15 % are to be predicted; of these 80 % become [MASK], 10 % a random token, and
# 10 % stay as they are.
SHARE = 0.15
MASKED, RANDOM = 0.8, 0.1


class MaskedBatches(EpochBatches):
    """Token ids of which some are hidden, and what stood there, in batches of a few fixed shapes.

    Rows and lengths are those of `BucketedBatches`. Of each text 15 % of the tokens, rounded, but
    at least one, are chosen; 80 % of them become [MASK], 10 % a random token of the vocabulary, 10
    % stay. Special tokens are never chosen.

    Each batch is a tuple

        ({"token_ids": int32 (batch_size, length), "padding_mask": bool (batch_size, length),
          "mask_positions": int32 (batch_size, predictions)},
         labels: int32 (batch_size, predictions), sample_weight: float32 (batch_size, predictions))

    where `predictions` is 15 % of `length`, rounded up, so that it goes with the shape. A short
    text has fewer than that; the slots that are left point to position 0 and weigh 0. The weights
    of the others make up for the mean over a batch's slots that Keras takes: they are slots /
    (tokens chosen in an epoch / batches). So each chosen token counts the same in the gradient, and
    the logs of an epoch are means over its chosen tokens.

    Shuffled batches, to train on, choose anew in each epoch: the choice of batch b of epoch e is
    drawn from `numpy.random.default_rng([seed, e, b + 1])`. Unshuffled ones, to validate on, always
    hide the same tokens.

    Source: Devlin et al., "BERT" (2019), section 3.1; a new choice each epoch: Liu et al.,
    "RoBERTa" (2019), section 4.1.

    Example:
        >>> train = MaskedBatches(encodings.token_ids, tokenizer, batch_size=16, max_length=128,
        ...                       shuffle=True, seed=0)
        >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        ...               weighted_metrics=["accuracy"])
        >>> model.fit(train, epochs=3)
    """

    def __init__(
        self,
        token_ids: Sequence[np.ndarray],
        tokenizer: Tokenizer,
        *,
        batch_size: int,
        max_length: int,
        shuffle: bool,
        seed: int,
        group_by_length: bool | None = None,
        segment_ids: Sequence[np.ndarray] | None = None,
    ):
        """Plans the batches.

        Args:
            token_ids: One integer array (tokens,) a text, as the tokenizer encodes it.
            tokenizer: Tells which tokens are special.
            batch_size: Texts in each batch.
            max_length: Most tokens that a text may have.
            shuffle: Whether each epoch has a different order and choice.
            group_by_length: See `BucketedBatches`.
            segment_ids: Of pairs of texts; see `BucketedBatches`.

        Raises:
            ConfigError: A size is below 1, the seed below 0, or the tokenizer has no [MASK].
            DataError: There are no texts, one is too long or empty, or none has a token to hide.
        """
        super().__init__()
        found = {role: tokenizer.token_id(token) for role, token in SPECIAL_TOKENS.items()}
        if found["mask_token"] is None:
            raise ConfigError(
                f"the tokenizer has no {SPECIAL_TOKENS['mask_token']}, so no token can be hidden"
            )
        special = {index for index in found.values() if index is not None} | {tokenizer.pad_id}
        self._special = np.array(sorted(special), dtype=np.int32)
        self._mask_id = found["mask_token"]
        self._shuffle, self._seed = shuffle, seed
        self._rows = BucketedBatches(
            token_ids,
            np.zeros(len(token_ids), dtype=np.int32),  # a classifier's labels, not looked at here
            batch_size=batch_size,
            pad_id=tokenizer.pad_id,
            max_length=max_length,
            shuffle=shuffle,
            seed=seed,
            group_by_length=group_by_length,
            segment_ids=segment_ids,
        )
        words = np.arange(tokenizer.vocab_size, dtype=np.int32)
        self._words = words[~np.isin(words, self._special)]
        eligible = np.array([(~np.isin(ids, self._special)).sum() for ids in token_ids])
        self._chosen_of = _chosen(eligible)  # (texts,)
        self.predictions_per_epoch = int(self._chosen_of.sum())
        if not self.predictions_per_epoch:
            raise DataError("no text has a token that could be hidden, only special ones")

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return len(self._rows)

    @property
    def shapes(self) -> list[tuple[int, int, int]]:
        """The shapes (batch_size, length, predictions) that occur."""
        return [(rows, length, _most_chosen(length)) for rows, length in self._rows.shapes]

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        return (
            f"{self._rows.summary()}; {self.predictions_per_epoch} tokens per epoch are predicted"
        )

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """Which texts are in a batch, in its order: (batch_size,) or fewer indices."""
        return self._rows.rows(epoch, index)

    def means(self, losses: Sequence[float]) -> list[float]:
        """The mean over the chosen tokens of each step.

        By the weights of the batches `fit` logs less for a batch of short texts, where fewer tokens
        are chosen, than for one of long texts that are as hard.

        Args:
            losses: What `fit` logged at each step, from the first batch of the first epoch on.
        """
        found = []
        for step, loss in enumerate(losses):
            tokens = self._chosen_of[self.rows(*divmod(step, len(self)))].sum()
            found.append(float(loss * self.predictions_per_epoch / len(self) / max(tokens, 1)))
        return found

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch (shapes: see the class)."""
        inputs, _, row_weights = self._rows.batch(epoch, index)
        token_ids = inputs["token_ids"]  # (batch_size, length)
        # [seed, e] alone is the order of the rows, and numpy takes [seed, e, 0] for the same.
        random = np.random.default_rng([self._seed, epoch if self._shuffle else 0, index + 1])

        eligible = ~np.isin(token_ids, self._special)
        slots = np.arange(_most_chosen(token_ids.shape[1]))
        chosen = slots < _chosen(eligible.sum(axis=1))[:, None]  # (batch_size, predictions)
        # In random order, those that may not be chosen last: the first ones are the choice.
        order = np.argsort(np.where(eligible, random.random(token_ids.shape), 2.0), axis=1)
        positions = np.where(chosen, order[:, : len(slots)], 0).astype(np.int32)
        labels = np.take_along_axis(token_ids, positions, axis=1)

        fate = random.random(positions.shape)
        others = random.choice(self._words, positions.shape)
        hidden = np.where(fate < MASKED + RANDOM, others, labels)
        hidden = np.where(fate < MASKED, self._mask_id, hidden)
        token_ids[np.nonzero(chosen)[0], positions[chosen]] = hidden[chosen]

        real = chosen & (row_weights > 0)[:, None]
        weight = real.size * len(self) / self.predictions_per_epoch
        weights = np.where(real, weight, 0.0).astype(np.float32)
        return {**inputs, "mask_positions": positions}, labels, weights


@dataclass(frozen=True)
class MaskedParts:
    """Masked batches of training texts, and of others to watch the training by.

    Attributes:
        train: Shuffled and masked anew in each epoch.
        validation: Always the same.
    """

    train: MaskedBatches
    validation: MaskedBatches

    def outcome(self, epochs: Sequence[Mapping[str, float]]) -> str:
        """One sentence on what a masked language model has learned.

        Args:
            epochs: The epochs of its `History`, which hold `val_loss` and `val_accuracy`.

        Example:
            >>> parts.outcome(history.epochs)
            'of 512 hidden tokens of the validation texts 31.2% are found (loss 4.10, ...'
        """
        last = epochs[-1]
        return (
            f"of {self.validation.predictions_per_epoch} hidden tokens of the validation texts "
            f"{last['val_accuracy']:.1%} are found (loss {last['val_loss']:.2f}, perplexity "
            f"{math.exp(last['val_loss']):.0f})"
        )


def masked_batches(
    encodings: Mapping[str, Encodings],
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    seed: int,
    group_by_length: bool | None = None,
    segments: bool = False,
) -> MaskedParts:
    """Masked batches of the same texts that a classifier trains on and is validated on.

    Args:
        encodings: "train" and "validation" -> token ids, as in `LabelledBatches.encodings`.
        batch_size: Texts in each batch.
        seed: Seed of the order of the training texts and of what is hidden.
        group_by_length: See `BucketedBatches`.
        segments: Whether the model reads `segment_ids` of pairs; see `HeadedEncoder`.

    Raises:
        ConfigError: As for `MaskedBatches`.
        DataError: Likewise.

    Example:
        >>> parts = masked_batches(batches.encodings, tokenizer, batch_size=16, seed=0)
        >>> model.fit(parts.train, validation_data=parts.validation)
    """

    def of(part: str) -> MaskedBatches:
        return MaskedBatches(
            encodings[part].token_ids,
            tokenizer,
            batch_size=batch_size,
            max_length=encodings[part].max_length,
            shuffle=part == "train",
            seed=seed,
            group_by_length=group_by_length,
            segment_ids=encodings[part].segment_ids if segments else None,
        )

    return MaskedParts(of("train"), of("validation"))


def _chosen(eligible: np.ndarray) -> np.ndarray:
    """How many of (rows,) eligible tokens are chosen: a share, but at least one if there is one."""
    return np.minimum(eligible, np.maximum(1, np.rint(SHARE * eligible))).astype(np.int64)


def _most_chosen(length: int) -> int:
    """The most that are chosen of a text of so many tokens."""
    return math.ceil(SHARE * length)
