"""Models above a frozen backbone as the benchmarks train them: what is kept can be forgotten again.

A run of a recipe fills its cache once. To time that again and again, without compiling anything
anew, `KeptModel` takes an empty store and keeps the compiled functions.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasft import peft, training
from kerasft.architectures import Classifier
from kerasft.data.adapter import EpochBatches
from kerasft.data.batches import BucketedBatches
from kerasft.data.feature_store import INDEX, FeatureStore
from kerasft.training.backbone_features import BackboneFeatures, FeatureBatches

RATE = 1e-3


def add_lora(model: Classifier, layers: int) -> None:
    """Puts LoRA on query and value of the last layers; the frozen ones drop nothing out."""
    targets = peft.last_layers(model, layers, ("query", "value"))
    peft.apply(model, peft.LoRAConfig(targets=targets, modules_to_save=model.head_layers))
    model.still_frozen()


def compile_model(model: keras.Model) -> keras.Model:
    """Adam and the loss of the recipes, without their metrics."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=training.adam(RATE), loss=loss)
    return model


class KeptModel:
    """The part of a classifier above its frozen layers, whose features are kept on the disk.

    Attributes:
        model: The upper part, compiled.
        train: Its batches, from what is kept.
        backbone: Both parts.
    """

    def __init__(self, model: Classifier, batches: EpochBatches) -> None:
        backbone = model.frozen_backbone()
        if backbone is None:
            raise SystemExit("no layer is frozen below the first that trains: nothing can be kept")
        self.backbone = backbone
        self.model = compile_model(backbone.upper)
        self._digest = backbone.digest({})
        self._scratch = tempfile.TemporaryDirectory()  # it goes with this object
        self._folders = (Path(self._scratch.name, str(number)) for number in itertools.count())
        self._features = BackboneFeatures(backbone, self._store(), self._digest)
        self.take(batches)

    def take(self, batches: EpochBatches) -> None:
        """Trains on other batches from now on."""
        self.train = FeatureBatches(batches, self._features)

    def forget(self) -> None:
        """Empties what is kept; what is compiled stays."""
        former = self._features.store
        former.close()
        shutil.rmtree(former.folder)
        self._features.store = self._store()

    @property
    def bytes_kept(self) -> int:
        """Bytes on the disk: the features and their index."""
        store = self._features.store
        return store.size + (store.folder / INDEX).stat().st_size

    def _store(self) -> FeatureStore:
        return FeatureStore(next(self._folders), backbone=self._digest, width=self.backbone.width)


class Chosen(EpochBatches):
    """Some batches of others, the same in each epoch."""

    def __init__(self, batches: EpochBatches, indices: Iterable[int]) -> None:
        super().__init__()
        self._batches, self._indices = batches, list(indices)

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""
        return len(self._indices)

    def batch(self, epoch: int, index: int) -> tuple[Any, ...]:
        """Makes batch `index`."""
        return self._batches.batch(0, self._indices[index])


def lengths_of(batches: EpochBatches, epoch: int = 0) -> list[int]:
    """Padded length of each batch of an epoch, in tokens."""
    return [
        batches.batch(epoch, index)[0]["padding_mask"].shape[1] for index in range(len(batches))
    ]


def one_of_each(batches: EpochBatches) -> Chosen:
    """A batch of each length: whoever fits these has compiled all there is to compile."""
    first: dict[int, int] = {}
    for index, length in enumerate(lengths_of(batches)):
        first.setdefault(length, index)
    return Chosen(batches, first.values())


class StopAfterOne(keras.callbacks.Callback):
    """Ends `fit` after its first step."""

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Waits for the step's loss and stops."""
        float((logs or {})["loss"])
        self.model.stop_training = True


def random_batches(
    lengths: np.ndarray, *, vocabulary: int, batch_size: int, max_length: int, seed: int = 0
) -> BucketedBatches:
    """Shuffled batches of random texts (all different) of these lengths (rows,), in tokens."""
    generator = np.random.default_rng(seed)
    ids = [generator.integers(5, vocabulary, size=n, dtype=np.int32) for n in lengths]
    labels = generator.integers(0, 3, size=len(lengths)).astype(np.int32)
    return BucketedBatches(
        ids, labels, batch_size=batch_size, pad_id=0, max_length=max_length, seed=seed,
        shuffle=True, group_by_length=True,
    )  # fmt: skip


def natural_lengths(rows: int, seed: int = 0) -> np.ndarray:
    """Lengths of texts, drawn from those of the shipped corpora, in tokens (words and marks)."""
    import re

    from kerasft.data.readers import read_texts
    from kerasft.data.samples import sample_path

    texts = [
        *read_texts(sample_path("conversations"))["text"],
        *read_texts(sample_path("complaints"), "narrative", "product")["text"],
    ]
    found = np.array([2 + len(re.findall(r"\w+|[^\w\s]", text)) for text in texts])
    return np.random.default_rng(seed).choice(found, size=rows).clip(max=128)
