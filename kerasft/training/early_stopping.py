"""Stopping when validation no longer improves, and taking the best epoch's weights."""

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasft.errors import ConfigError
from kerasft.training.state_reader import BrokenState, StateReader
from kerasft.training.variables import Arrays, changing_variables, mismatch, read, write


class EarlyStopping(keras.callbacks.Callback):
    """Stops after so many epochs without a better value, and keeps the best epoch's weights.

    Unlike Keras's own, its state is part of a checkpoint; it keeps only the variables that train;
    and the weights come back in a call of its own, `restore`, because a resumed run is several
    `fit` calls.

    Attributes:
        best: The best value so far, None before the first epoch.
        best_epoch: Its epoch, from 1; 0 before the first.
        waited: Epochs since then.

    Example:
        >>> stopping = EarlyStopping(patience=2)
        >>> model.fit(batches, epochs=20, validation_data=validation, callbacks=[stopping])
        >>> stopping.restore(model)
    """

    state_name = "early_stopping"

    def __init__(
        self,
        patience: int,
        monitor: str = "val_loss",
        *,
        restore_best: bool = True,
        min_delta: float = 0.0,
    ):
        """Sets when to stop.

        Args:
            patience: Epochs without a better value until training stops, at least 1.
            monitor: A log of Keras; what has "loss" in its name is better when lower, anything else
                when higher.
            restore_best: Whether `restore` takes the best epoch's weights.
            min_delta: By how much a value must be better to count.

        Raises:
            ConfigError: The patience is below 1.
        """
        super().__init__()
        if patience < 1:
            raise ConfigError(f"Early stopping's patience is {patience}; make it 1 or more.")
        self.patience, self.monitor = patience, monitor
        self.restore_best, self.min_delta = restore_best, min_delta
        self.best: float | None = None
        self.best_epoch = 0
        self.waited = 0
        self._best_values: Arrays = {}

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Compares the epoch with the best one.

        Raises:
            ConfigError: Keras has no such log.
        """
        logs = logs or {}
        if self.monitor not in logs:
            raise ConfigError(
                f"Early stopping watches {self.monitor!r}, but there are only "
                f"{', '.join(sorted(logs))}."
            )
        value = float(logs[self.monitor])
        if self._is_better(value):
            self.best, self.best_epoch, self.waited = value, epoch + 1, 0
            if self.restore_best:
                self._best_values = read(changing_variables(self.model))
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.model.stop_training = True

    def restore(self, model: keras.Model) -> None:
        """Gives the model the best epoch's weights, after the last `fit`, and says so."""
        if not self._best_values:
            return
        write(changing_variables(model), self._best_values)
        print(f"Took the weights of epoch {self.best_epoch} ({self.monitor} {self.best:.4f}).")

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What the checkpoint keeps: arrays by name, and what JSON can hold."""
        facts = {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}
        return self._best_values, facts

    def set_state(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Takes back what `get_state` gave.

        Raises:
            BrokenState: A value is not what `get_state` gives, or the weights are another model's.
        """
        state = StateReader(facts, self.state_name)
        state.only("best", "best_epoch", "waited")
        self.best = None if state.is_null("best") else state.number("best")
        self.best_epoch, self.waited = state.whole("best_epoch"), state.whole("waited")
        if (self.best is None) != (self.best_epoch == 0):
            raise BrokenState("early_stopping: best and best_epoch contradict each other")
        self._best_values = dict(arrays)
        if bool(arrays) != (self.restore_best and self.best is not None):
            raise BrokenState("early_stopping: the best epoch's weights are missing")
        expected = changing_variables(self.model) if arrays and self.model is not None else {}
        if expected and (problem := mismatch(expected, arrays)):
            raise BrokenState(f"early_stopping: {problem}")

    def _is_better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self.best is None:
            return True
        sign = -1 if "loss" in self.monitor else 1
        return sign * (value - self.best) > self.min_delta
