"""The loss of every step and the metrics of every epoch."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from kerasft.errors import ConfigError
from kerasft.training.environment import difference, environment
from kerasft.training.state_reader import BrokenState, StateReader
from kerasft.training.tracker import Tracker


class History(keras.callbacks.Callback):
    """Records the loss of every step and the logs of every epoch, and passes them to trackers.

    Keras reports the mean loss of the epoch so far; a step's own loss is taken back out of it as
    (mean_k W_k - mean_(k-1) W_(k-1)) / w_k, where w_k is the weight of batch k in that mean and W_k
    the sum of the weights so far. The means are float32, so the loss of step k of an epoch is good
    to about k 1e-7 of its size; but the same means give the same bits, in a resumed run too.

    A run whose loss is no longer a number is stopped: nothing good can come of it. A tracker that
    fails once the training has begun gets no more values, which is said; the run goes on.

    Attributes:
        losses: The loss of each step since the run began.
        epochs: A dict an epoch: `epoch` (from 1), `step` (steps done at its end), `learning_rate`
            (of its last step), and Keras's logs (`loss`, `val_loss`, ...).
        seconds: How long `fit` took, validation included, in all processes of a resumed run (of
            one that was killed, up to its last checkpoint).
        training_seconds: Seconds of training up to the end of each epoch, without the validation,
            in all processes of a resumed run.
        first_step_seconds: From the beginning of `fit` to the end of its first step, which is when
            the backend has compiled it; None before, and where nothing is left to train.
        notes: What `summary` is to say besides; a resumed run keeps them.
        environment: What the last process of the run computed on; empty before the first.

    Example:
        >>> history = History()
        >>> model.fit(batches, epochs=3, callbacks=[history])
        >>> history.to_dict()["losses"]
    """

    state_name = "history"

    def __init__(
        self,
        trackers: Sequence[Tracker] = (),
        batch_weight: Callable[[int, int], float] = lambda epoch, batch: 1.0,
        trained_before: bool = False,
    ):
        """Begins with nothing recorded.

        Args:
            trackers: Take the values as they come.
            batch_weight: From epoch and batch, both from 0, to the weight of this batch in Keras's
                mean of the loss; by default all weigh the same.
            trained_before: Something was trained in this run already, so that a tracker which
                cannot start must not end it.
        """
        super().__init__()
        self.trackers = list(trackers)
        self._batch_weight = batch_weight
        self._trained_before = trained_before
        self.losses: list[float] = []
        self.epochs: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.training_seconds: list[float] = []
        self.first_step_seconds: float | None = None
        self.notes: list[str] = []
        self.environment: dict[str, str] = {}
        self._began: float | None = None
        self._trained = 0.0
        self._clock: float | None = None
        self._mean = 0.0
        self._seen = 0
        self._weight = 0.0
        self._epoch = 0
        self._goes_on = False
        self._started = False
        self._rate: Callable[[int], float] = lambda step: 0.0

    @property
    def place(self) -> tuple[int, int, int]:
        """Where the run is: epochs that have ended, steps of the running one, steps in all."""
        return len(self.epochs), self._seen, len(self.losses)

    def to_dict(self) -> dict[str, Any]:
        """The whole history as JSON: `losses` and `epochs` (see the class)."""
        return {"losses": list(self.losses), "epochs": [dict(epoch) for epoch in self.epochs]}

    def track(self, values: Mapping[str, float]) -> None:
        """Logs further values, such as the test metrics, to the trackers at the current step."""
        if not self._started:  # a resumed run may have nothing left to train
            self._start_or_drop()
        self._each(lambda tracker: tracker.scalars(len(self.losses), values))

    def close(self) -> None:
        """Ends the trackers' logs; call it when nothing more is to be tracked."""
        self._each(lambda tracker: tracker.close())

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What the checkpoint keeps: arrays by name, and what JSON can hold."""
        facts = {
            "epochs": self.epochs,
            "notes": self.notes,
            "environment": self.environment,
            "mean": self._mean,
            "seen": self._seen,
            "seconds": self.seconds + self._fitting(),
            "training_seconds": self.training_seconds,
            "trained": self._trained + self._running(),
            "trackers": {tracker.name: tracker.get_state() for tracker in self.trackers},
        }
        return {"losses": np.array(self.losses, np.float64)}, facts

    def set_state(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Takes back what `get_state` gave.

        Raises:
            BrokenState: A value is not what `get_state` gives.
        """
        state = StateReader(facts, self.state_name)
        state.only(
            *("epochs", "notes", "environment", "mean", "seen", "seconds", "training_seconds"),
            *("trained", "trackers"),
        )
        losses = arrays.get("losses")
        if losses is None or losses.ndim != 1 or losses.dtype != np.float64:
            raise BrokenState("history: the losses are no list of numbers")
        self.losses = losses.tolist()
        self.epochs = [_epoch(row, n) for n, row in enumerate(state.rows("epochs"), start=1)]
        self.notes = list(state.texts("notes"))
        self.environment = dict(state.texts_by_name("environment"))
        self._mean = state.number("mean")
        self._seen = state.whole("seen", most=len(self.losses))
        self.training_seconds = list(state.numbers("training_seconds"))
        if len(self.training_seconds) != len(self.epochs):
            raise BrokenState("history: training_seconds has not one number per epoch")
        self._trained, self.seconds = state.seconds("trained"), state.seconds("seconds")
        self._goes_on = True
        trackers = StateReader(state.mapping("trackers"), f"{self.state_name}: trackers")
        for tracker in self.trackers:
            if tracker.name in state.mapping("trackers"):
                tracker.set_state(trackers.mapping(tracker.name))

    def summary(self, early_stopping: int | None = None, kept: Sequence[int] = ()) -> list[str]:
        """Sentences for the run's output and the model card.

        Args:
            early_stopping: The recipe's option of that name, if it has one; 0 is off.
            kept: Epochs, from 1, whose checkpoints are kept.
        """
        done = f"{len(self.losses)} steps, {self.seconds:.1f} s"
        if self.first_step_seconds is not None:
            done += f"; the first took {self.first_step_seconds:.1f} s, compiling included"
        rise = [] if early_stopping else self._rise(early_stopping, kept)
        return [done, *self.notes, *rise]

    def _rise(self, early_stopping: int | None, kept: Sequence[int]) -> list[str]:
        """That the validation loss rose after its best epoch, and what can be done about it."""
        losses = [epoch["val_loss"] for epoch in self.epochs if "val_loss" in epoch]
        if not losses or round(losses[-1], 3) <= round(min(losses), 3):
            return []
        best = losses.index(min(losses)) + 1
        rise = (
            f"the validation loss rose after epoch {best}: {min(losses):.3f}, {losses[-1]:.3f} now"
        )
        if early_stopping is not None:
            return [
                f"{rise}; --early_stopping 1 ends a run then and takes the best epoch's weights"
            ]
        if best in kept:
            return [f"{rise}; --preload {best} --epochs {best} saves that epoch without training"]
        return [rise]

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Starts the clock, and once the trackers; says what has changed since a checkpoint.

        Raises:
            ConfigError: A tracker cannot start, and nothing was trained before.
        """
        self._began = time.perf_counter()
        before, self.environment = self.environment, environment()
        if before and (changed := difference(before, self.environment)):
            self.notes.append(f"after step {len(self.losses)} it went on {changed}")
            print(f"The run continues {changed}.")
        if not self._started and self._trained_before:
            self._start_or_drop()
        elif not self._started:
            self._started = True
            for tracker in self.trackers:
                tracker.start(len(self.losses))

    def on_train_end(self, logs: dict | None = None) -> None:
        """Stops the clock."""
        self.seconds += self._fitting()
        self._began = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Begins a new running mean, unless a resumed epoch goes on with its old one."""
        if not self._goes_on:
            self._mean, self._seen = 0.0, 0
        self._goes_on = False
        self._epoch = epoch
        self._clock = time.perf_counter()
        self._weight = math.fsum(self._batch_weight(epoch, k) for k in range(self._seen))
        self._rate = _learning_rate(self.model.optimizer)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Records the step's own loss.

        Raises:
            ConfigError: It is NaN or infinite.
        """
        mean = float((logs or {})["loss"])
        if self.first_step_seconds is None:
            self.first_step_seconds = self._fitting()
        weight = self._batch_weight(self._epoch, self._seen)
        before, self._weight = self._weight, self._weight + weight
        loss = (mean * self._weight - self._mean * before) / weight
        self._seen += 1
        self._mean = mean
        self._check(loss, "training", len(self.losses) + 1)
        self.losses.append(loss)
        if self.trackers:
            rate = self._rate(len(self.losses) - 1)
            self.track({"train/loss": loss, "train/learning_rate": rate})

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Stops the clock of the training."""
        self._pause()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Records the epoch's logs.

        Raises:
            ConfigError: The validation loss is NaN or infinite.
        """
        self._pause()
        self.training_seconds.append(self._trained)
        values = {name: float(value) for name, value in (logs or {}).items()}
        self._check(values.get("val_loss", 0.0), "validation", len(self.losses))
        # Some metric may be undefined (0 / 0), for which JSON has no number.
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        rate = self._rate(max(len(self.losses) - 1, 0))
        self.epochs.append(
            {"epoch": epoch + 1, "step": len(self.losses), "learning_rate": rate, **finite}
        )
        self._mean, self._seen = 0.0, 0
        self.track({"epoch": epoch + 1, **{f"epoch/{name}": v for name, v in finite.items()}})

    def _start_or_drop(self) -> None:
        self._started = True
        self._each(lambda tracker: tracker.start(len(self.losses)))

    def _fitting(self) -> float:
        """Seconds since `fit` began; 0 outside of it."""
        return 0.0 if self._began is None else time.perf_counter() - self._began

    def _running(self) -> float:
        """Seconds since the clock of the training was started; 0 while it stands."""
        return 0.0 if self._clock is None else time.perf_counter() - self._clock

    def _pause(self) -> None:
        self._trained += self._running()
        self._clock = None

    def _each(self, action: Callable[[Tracker], None]) -> None:
        """Does something with every tracker, and goes on without those that fail."""
        for tracker in list(self.trackers):
            try:
                action(tracker)
            except Exception as error:  # of whatever kind: the run is worth more than its log
                self.trackers.remove(tracker)
                reason = " ".join(str(error).split())[:200] or type(error).__name__
                self.notes.append(
                    f"{tracker.name} failed after step {len(self.losses)} and was left out from "
                    f"then on ({reason})"
                )
                print(f"\n{self.notes[-1]}")

    def _check(self, loss: float, which: str, step: int) -> None:
        if not math.isfinite(loss):
            raise ConfigError(
                f"The {which} loss became {loss} at step {step}, so the run was stopped; try a "
                "lower learning rate."
            )


def _epoch(row: dict[str, float], number: int) -> dict[str, Any]:
    """An epoch of a checkpoint.

    Raises:
        BrokenState: It is not the one of that number, or lacks what each has.
    """
    state = StateReader(row, f"history: epochs: {number}")
    if state.whole("epoch") != number:
        raise BrokenState(f"history: epoch {number} is called {row['epoch']}")
    state.whole("step")
    state.number("learning_rate")
    return dict(row)


def _learning_rate(optimizer: keras.optimizers.Optimizer) -> Callable[[int], float]:
    """The learning rate of the update after `step` steps, readable at any moment of `fit`.

    (`optimizer.learning_rate` is not: on JAX its variables are empty between steps.)
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # float16 training wraps it
    rate = inner._learning_rate
    if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        steps_per_update = inner.gradient_accumulation_steps or 1
        return lambda step: float(rate(step // steps_per_update))
    constant = float(inner.learning_rate)
    return lambda step: constant
