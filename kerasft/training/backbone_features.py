"""The outputs of a frozen backbone, computed once per text, and batches of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from kerasft import backends
from kerasft.architectures.frozen_backbone import FrozenBackbone, Inputs
from kerasft.data.adapter import EpochBatches
from kerasft.data.feature_store import FeatureStore
from kerasft.errors import ConfigError


class ModelBatches(Protocol):
    """What is needed of batches: those of `kerasft.data` have it."""

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """A batch: the model's inputs by name, then whatever else there is."""


class RowBatches(ModelBatches, Protocol):
    """The same, which know which rows are in a batch."""

    def rows(self, epoch: int, index: int) -> np.ndarray:
        """The numbers of its rows."""


def keys_of(digest: str, rows: Iterable[np.ndarray]) -> list[bytes]:
    """The keys of texts: the SHA-256 of what makes the features, and of the text's token ids.

    Cleaning and tokenizer have no place in it: what they do to a text shows in its token ids (of a
    pair: and segment ids), and these are all that a backbone sees.

    Args:
        digest: That of `kerasft.architectures.frozen_backbone.digest`.
        rows: (tokens,) token ids of each text, or (tokens, 2); see `FrozenBackbone.tokens_of`.
    """
    start = hashlib.sha256(digest.encode())
    keys = []
    for ids in rows:
        sha = start.copy()
        if ids.ndim > 1:
            sha.update(f"{ids.shape}".encode())
        sha.update(np.ascontiguousarray(ids, dtype="<i4").tobytes())
        keys.append(sha.digest())
    return keys


class BackboneFeatures:
    """The hidden states that a frozen backbone makes of texts; each text is computed once.

    Where a text of a batch is not kept, the backbone reads the whole batch, whatever else of it is
    kept: so the numbers do not depend on what was kept before, not even in their last bit. Numbers
    are rounded to the store's type in any case, and what a run trains on is what stands in the
    store. A run that is killed and goes on is thus given the very same ones.

    Attributes:
        store: Where its features are kept.
    """

    def __init__(self, backbone: FrozenBackbone, store: FeatureStore, digest: str):
        """Compiles nothing yet.

        Args:
            store: Where its features are kept.
            digest: That of the backbone; see `keys_of`.
        """
        self.backbone, self.store = backbone, store
        self._digest = digest
        self._forward = backends.compile_forward(backbone.lower)
        self._keeps = True

    def of(self, inputs: Inputs) -> np.ndarray:
        """The hidden states of a batch.

        Args:
            inputs: Those of the whole model, arrays (batch, length) by name.

        Returns:
            (batch, positions, width) float32; 0 where there is padding.

        Raises:
            ConfigError: A hidden state is no number, or too large for the store's type.
        """
        rows = self.backbone.tokens_of(inputs)
        keys = keys_of(self._digest, rows)
        made = [self.backbone.positions(len(ids)) for ids in rows]
        found = {key: self.store.get(key, count) for key, count in zip(keys, made, strict=True)}
        if any(features is None for features in found.values()):
            computed = self._compute(inputs, made)  # (batch, positions, width)
            new = {
                key: computed[slot, :count]
                for slot, (key, count) in enumerate(zip(keys, made, strict=True))
                if found[key] is None
            }
            found.update(self._keep(new))
        length = next(iter(self.backbone.below(inputs).values())).shape[1]
        shape = (len(rows), self.backbone.positions(length), self.backbone.width)
        hidden = np.zeros(shape, dtype=np.float32)
        for slot, (key, count) in enumerate(zip(keys, made, strict=True)):
            hidden[slot, :count] = found[key]
        return hidden

    def _compute(self, inputs: Inputs, made: Sequence[int]) -> np.ndarray:
        """(batch, positions, width) of the store's type; `made` of each row count."""
        with np.errstate(over="ignore"):  # looked for below
            hidden = self._forward(self.backbone.below(inputs)).astype(self.store.dtype)
        for slot, count in enumerate(made):
            if not np.isfinite(hidden[slot, :count]).all():
                raise ConfigError(
                    f"The frozen layers compute numbers too large for {self.store.dtype}; "
                    "give --cache_dtype float32 or --cache_backbone off."
                )
        return hidden

    def _keep(self, new: dict[bytes, np.ndarray]) -> dict[bytes, np.ndarray]:
        if not self._keeps:
            return new
        try:
            return self.store.add(new)
        except OSError as error:
            self._keeps = False
            print(
                f"The backbone's features cannot be kept in {self.store.folder} any longer "
                f"({error}): texts that are not there are computed again in each epoch."
            )
            return new


class FeatureBatches(EpochBatches):
    """Batches whose token ids have been replaced by what a frozen backbone makes of them.

    Order, shapes, labels and weights are those of the batches that it is made of.

    Example:
        >>> train = FeatureBatches(batches.train, features)
        >>> backbone.upper.fit(train, epochs=10)
    """

    def __init__(self, batches: ModelBatches, features: BackboneFeatures):
        """Plans nothing anew.

        Args:
            batches: For the whole model.
            features: For the upper part of it.
        """
        super().__init__()
        self._batches, self._features = batches, features

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return len(self._batches)

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index` of an epoch: the upper part's inputs, then the labels and weights."""
        inputs, *rest = self._batches.batch(epoch, index)
        return self._features.backbone.above(inputs, self._features.of(inputs)), *rest


def mean_states(features: BackboneFeatures, batches: RowBatches) -> np.ndarray:
    """What a frozen backbone makes of each text, as the mean over its positions.

    Args:
        features: Where they are kept; what is missing is computed.
        batches: For the whole model.

    Returns:
        (rows, width) float32, in the order of the rows.
    """
    means: dict[int, np.ndarray] = {}
    for index in range(len(batches)):
        inputs = batches.batch(0, index)[0]
        hidden = features.of(inputs)  # (batch, positions, width)
        for slot, row in enumerate(batches.rows(0, index).tolist()):
            count = features.backbone.positions(int(inputs["padding_mask"][slot].sum()))
            means[row] = hidden[slot, :count].mean(axis=0)
    return np.stack([means[row] for row in range(len(means))])


def all_tokens(backbone: FrozenBackbone, parts: Sequence[ModelBatches]) -> Iterator[np.ndarray]:
    """Yields what all texts of batches are made of (`tokens_of`); some come more than once."""
    for batches in parts:
        for index in range(len(batches)):
            yield from backbone.tokens_of(batches.batch(0, index)[0])
