"""A small dense model and its batches, for the tests that train within their own process."""

import random
from pathlib import Path

import keras
import numpy as np

from kerasft import training
from kerasft.data.adapter import EpochBatches

STEPS = 5


class Stopped(Exception):
    """Stands for a kill."""


class StopAt(keras.callbacks.Callback):
    """Breaks the run off when so many steps of the run are done."""

    def __init__(self, history: training.History, step: int):
        super().__init__()
        self.history, self.step = history, step

    def on_train_batch_end(self, batch, logs=None):
        if len(self.history.losses) == self.step:
            raise Stopped


class RandomBatches(EpochBatches):
    """Batches of (rows, 4) numbers and the class of their largest number, drawn per epoch.

    The numbers of rows take turns.
    """

    def __init__(
        self,
        steps: int = STEPS,
        *,
        fixed: bool = False,
        noise: bool = False,
        rows: tuple[int, ...] = (8,),
    ):
        super().__init__()
        self.steps, self.fixed, self.noise, self.sizes = steps, fixed, noise, rows

    def __len__(self) -> int:
        return self.steps

    def batch(self, epoch, index):
        rng = np.random.default_rng([0 if self.fixed else epoch + 1, index])
        rows = self.sizes[index % len(self.sizes)]
        x = rng.normal(size=(rows, 4)).astype("float32")
        labels = rng.integers(0, 3, rows) if self.noise else x[:, :3].argmax(axis=1)
        return x, labels.astype("int32"), np.ones(rows, "float32")


def build(*, rate: float = 0.05, dropout: float = 0.3, frozen: bool = True) -> keras.Model:
    """Two dense layers, the first frozen, with a batch normalization and a dropout between."""
    random.seed(0)  # for the seed generators; keras.utils.set_random_seed would import TensorFlow
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(16, activation="relu", name="backbone"),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dropout(dropout, name="drop"),
            keras.layers.Dense(3, name="head"),
        ],
        name="small",
    )
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 2:
            weight.assign(rng.normal(scale=0.4, size=weight.shape))
    if frozen:
        for variable in model.get_layer("backbone").variables:
            variable.trainable = False
    model.compile(
        keras.optimizers.Adam(rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


class Run:
    """One run of the small model, in parts, that can be broken off and gone on with."""

    def __init__(
        self,
        folder: Path,
        *,
        resume: bool = False,
        rate: float = 0.05,
        fingerprint: dict | None = None,
        patience: int = 0,
        every_steps: int = 2,
        seed: int = 1,
        steps: int = STEPS,
        trackers: tuple = (),
        validation: EpochBatches | None = None,
        rows: tuple[int, ...] = (8,),
    ):
        self.model = build(rate=rate)
        self.history = training.History(trackers)
        self.stopping = training.EarlyStopping(patience) if patience else None
        self.stateful = [self.history, *([self.stopping] if self.stopping else [])]
        self.validation = validation or RandomBatches(2, fixed=True, rows=rows)
        self.resuming = training.Resume(
            self.model, RandomBatches(steps, rows=rows), folder / "checkpoint", seed=seed,
            fingerprint=fingerprint or {"rate": rate}, every_steps=every_steps, enabled=resume,
            stateful=self.stateful,
        )  # fmt: skip

    def fit(self, epochs: int = 3, *, stop_at: int | None = None) -> "Run":
        more = [StopAt(self.history, stop_at)] if stop_at else []
        try:
            for part in self.resuming.parts(epochs):
                self.model.fit(
                    part.batches, initial_epoch=part.first, epochs=part.last, verbose=0,
                    validation_data=self.validation,
                    callbacks=[*self.stateful, *more, self.resuming.callback],
                )  # fmt: skip
        except Stopped:
            pass
        return self
