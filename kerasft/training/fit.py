"""Training that can be killed and resumed, in one call."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import keras

from kerasft.training.early_stopping import EarlyStopping
from kerasft.training.history import History
from kerasft.training.kept_epochs import KeptEpochs
from kerasft.training.resume import Batches, Resume


class RunSettings(Protocol):
    """What `fit` needs of a recipe's config."""

    seed: int
    resume: bool
    checkpoint_steps: int

    def fingerprint(self) -> dict[str, Any]:
        """The options that a resumed run must not change (JSON)."""


def fit(
    model: keras.Model,
    train: Batches,
    validation: Any = None,
    *,
    epochs: int,
    config: RunSettings,
    output: str | Path,
    history: History,
    fingerprint: Mapping[str, Any] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    early_stopping: int = 0,
    kept: KeptEpochs | None = None,
    preload: str | None = None,
) -> Resume:
    """Trains a compiled model with `model.fit`; stopped and resumed, it ends bit by bit the same.

    It is one `model.fit` over all epochs, or, where the run goes on within an epoch, one over the
    rest of this epoch and one over the others (see `Resume`).

    Args:
        train: Its training batches, which know epochs.
        validation: What `model.fit` takes as `validation_data`.
        epochs: Epochs of the whole run.
        output: The folder that the run will save; the checkpoint lies beside it.
        history: Records the run.
        fingerprint: What else a resumed run must not change: hashes of the data and the preset.
        callbacks: Further ones, called before `history`.
        early_stopping: Stop after so many epochs without a better validation loss, and take the
            best epoch's weights; 0 is off.
        kept: Where each epoch's checkpoint is kept as well.
        preload: Go on from this one of the kept epochs.

    Returns:
        The run, whose `finish` removes the checkpoint when the model has been saved.

    Raises:
        ConfigError: The checkpoint belongs to another run or is broken, or the loss is no number.

    Example:
        >>> history = History()
        >>> model.compile(training.adam(2e-3), loss)
        >>> run = training.fit(model, batches.train, batches.validation, epochs=3, config=config,
        ...                    output=output, history=history, fingerprint=dataset.hashes)
        >>> save(output, ...)
        >>> run.finish()
    """
    stopping = [EarlyStopping(early_stopping)] if early_stopping else []
    run = Resume(
        model,
        train,
        f"{output}.checkpoint",
        seed=config.seed,
        fingerprint=config.fingerprint() | dict(fingerprint or {}),
        every_steps=config.checkpoint_steps,
        enabled=config.resume,
        stateful=[history, *stopping],
        kept=kept,
        preload=preload,
    )
    for part in run.parts(epochs):
        model.fit(
            part.batches,
            initial_epoch=part.first,
            epochs=part.last,
            validation_data=validation,
            callbacks=[*callbacks, history, *stopping, run.callback],
            verbose=progress(),
        )
    for callback in stopping:
        callback.restore(model)
    return run


def progress() -> int:
    """What `fit` takes as `verbose`: 1, a bar, where one can be drawn; else 2, a line an epoch.

    Keras draws its bar with backspaces, which fill a log file.

    Example:
        >>> model.fit(batches, epochs=3, verbose=progress())
    """
    redraws = "ipykernel" in sys.modules or "PYCHARM_HOSTED" in os.environ
    return 1 if redraws or sys.stdout.isatty() else 2
