"""Going on after a kill, to the very losses and weights of a run that was never stopped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np

from kerasft import backends, storage
from kerasft.errors import ConfigError
from kerasft.training import checkpoint, variables
from kerasft.training.history import History
from kerasft.training.kept_epochs import KeptEpochs
from kerasft.training.state_reader import BrokenState


class Batches(Protocol):
    """What `Resume` needs of batches: `kerasft.data.EpochBatches` has it."""

    def __len__(self) -> int:
        """Number of batches in a whole epoch."""

    def start_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Sets which epoch comes next, and how many of its batches to skip."""


class Stateful(Protocol):
    """A callback with state that a checkpoint must keep."""

    state_name: str

    def get_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays by name, and what JSON can hold."""

    def set_state(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Takes them back.

        Raises:
            BrokenState: They are damaged.
        """


@dataclass(frozen=True)
class Part:
    """One `fit` call of a run: the rest of a broken epoch, or whole epochs.

    Attributes:
        batches: The training batches, set to where the part begins.
        first: `fit`'s `initial_epoch`.
        last: `fit`'s `epochs`: the epoch before which the part ends.
    """

    batches: Any
    first: int
    last: int


class Resume:
    """Checkpoints a run, and resumes it from the last checkpoint with exactly the same losses.

    A checkpoint holds what training can change and nothing else: the variables that train, the
    states of the seed generators, the optimizer's variables, the running metrics, the stateful
    callbacks (history, early stopping) and the place in the data. The frozen weights come from the
    preset again. The order of the batches depends on the seed and the epoch alone; on torch, where
    dropout draws from a global generator, this generator is seeded at each step.

    On the same backend and machine the resumed run equals the unbroken one bit by bit (on a GPU as
    far as its kernels give the same sums twice). A checkpoint of another backend, another version
    of it or another number of threads works too; there the numbers agree to rounding, which
    `History` says and keeps for the model card. On another backend dropout draws anew.

    The rest of a broken epoch is a `fit` call of its own, because `fit` counts the batches once, so
    a run is a loop over its parts:

        run = Resume(model, batches, "run.checkpoint", seed=0, fingerprint={...}, enabled=resume,
                     stateful=[history, stopping])
        for part in run.parts(epochs=3):
            model.fit(part.batches, initial_epoch=part.first, epochs=part.last,
                      validation_data=validation, callbacks=[history, stopping, run.callback])
        ...                 # evaluate and save
        run.finish()        # the checkpoint is of no use now

    Checkpoints are written when the next step or epoch begins, when every callback has seen the
    last one's end; so the order of the callbacks does not matter.
    """

    def __init__(
        self,
        model: keras.Model,
        batches: Batches,
        directory: str | Path,
        *,
        seed: int,
        fingerprint: Mapping[str, Any],
        every_steps: int = 50,
        enabled: bool = False,
        stateful: Sequence[Stateful] = (),
        kept: KeptEpochs | None = None,
        preload: str | None = None,
    ):
        """Looks at the checkpoint, if there is one; nothing is written or loaded yet.

        Args:
            batches: Its training batches, which know epochs.
            directory: The checkpoint's folder.
            seed: Seeds each step's dropout, together with the step's number.
            fingerprint: Whatever must be the same in a run that goes on: the data's and the
                preset's sha256, the batch size, the learning rate, ... (JSON). The seed and the
                number of steps in an epoch are added.
            every_steps: Steps between two checkpoints; 0 for epoch ends only.
            enabled: Whether to continue from an existing checkpoint.
            stateful: The callbacks whose state is kept.
            kept: Where each epoch's checkpoint is kept as well.
            preload: Go on from this one of the kept epochs: its number, or "latest". The run may
                have another number of epochs than the one that kept it; `enabled` goes on to the
                same end alone.

        Raises:
            ConfigError: The checkpoint belongs to a run with other settings (named), is broken, or
                cannot be written; `every_steps` is negative; or `preload` is no kept epoch.
        """
        if every_steps < 0:
            raise ConfigError(
                f"There are {every_steps} steps between checkpoints; 0 or more is needed."
            )
        if model.optimizer.use_ema:
            # `fit` overwrites the weights with the averages when it returns, so that a broken epoch
            # would get them twice.
            raise ConfigError("An optimizer with use_ema=True cannot be resumed exactly.")
        self._model, self._batches = model, batches
        self._directory = Path(directory)
        self._seed, self._every = seed, every_steps
        self._steps = len(batches)
        self._fingerprint = checkpoint.as_json(
            {**fingerprint, "seed": seed, "steps in an epoch": self._steps}
        )
        self._enabled, self._stateful, self._kept = enabled, list(stateful), kept
        self._preload = preload is not None
        self._option = f"--preload {preload}" if preload else "--resume"
        self._leaves_checkpoint = False
        self._another_end = ""
        self.callback = _Checkpointer(self)
        storage.check_output(self._directory, checkpoint.is_checkpoint)
        self._source = self._find_source(preload)
        if self._source:
            theirs = checkpoint.read_facts(self._source, self._option)["fingerprint"]
            ours = self._fingerprint
            if preload and theirs.keys() & ours.keys() & {"epochs"}:
                was, now = theirs["epochs"], ours["epochs"]
                if was != now:
                    self._another_end = f"went on as a run of {now} epochs, from one of {was}"
                theirs = {**theirs, "epochs": now}
            checkpoint.check_fingerprint(self._source, theirs, ours, self._option)

    def parts(self, epochs: int) -> Iterator[Part]:
        """Yields what is left to do, one `fit` call each; prints where the run begins.

        Args:
            epochs: Epochs of the whole run.

        Raises:
            ConfigError: The checkpoint is broken or does not fit the model.
        """
        epoch, batch, stopped = self._begin()
        # Whatever batch comes first, each is computed as in a run that began elsewhere.
        backends.current().fix_shapes(self._model)
        self._model.stop_training = False
        if stopped or epoch >= epochs:
            print(
                "The training had already ended."
                if stopped or not self._preload
                else f"Nothing is left to train: {epoch} of {epochs} epochs are done."
            )
            # A longer run that left one can still go on from it.
            self._leaves_checkpoint = self._preload
            return
        if self._preload:
            self._clear(after=epoch)
            for part in self._stateful:
                if isinstance(part, History) and self._another_end:
                    part.notes.append(f"after epoch {epoch} it {self._another_end}")
        if batch:
            yield self._part(epoch, batch, epoch + 1)
            epoch += 1
        # A callback such as early stopping sets stop_training, and fit leaves it set.
        if epoch < epochs and not self._model.stop_training:
            yield self._part(epoch, 0, epochs)

    def finish(self) -> None:
        """Removes the checkpoint, when what it was for has been saved."""
        if not self._leaves_checkpoint:
            checkpoint.remove(self._directory)

    def _find_source(self, preload: str | None) -> Path | None:
        """The checkpoint to continue from, if any."""
        if preload is not None:
            if self._enabled or self._kept is None:
                raise ConfigError(
                    "--preload and --resume exclude each other; leave one of them out."
                )
            return self._kept.find(preload)
        if self._enabled and checkpoint.is_checkpoint(self._directory):
            return self._directory
        return None

    def _begin(self) -> tuple[int, int, bool]:
        """Restores or clears the checkpoint; returns epoch, batch and whether the run had ended."""
        if self._source:
            return self._restore(self._source)
        if self._enabled:
            print(f"There is no checkpoint at {self._directory}: training starts at the beginning.")
        self._clear(after=0)
        return 0, 0, False

    def _clear(self, after: int) -> None:
        """Removes what an earlier run left after the epoch that this one goes on from."""
        if checkpoint.is_checkpoint(self._directory):
            checkpoint.remove(self._directory)
            print(
                f"Removed the checkpoint {self._directory} (--resume would have gone on from it)."
            )
        if self._kept and (count := self._kept.clear(after)):
            print(f"Removed {count} epochs of an earlier run in {self._kept.directory}.")

    def _part(self, first: int, batch: int, last: int) -> Part:
        self._batches.start_epoch(first, batch)
        self.callback.batch = batch
        return Part(self._batches, first, last)

    def _restore(self, source: Path) -> tuple[int, int, bool]:
        saved = checkpoint.read(source, self._option)
        groups = self._variables()
        known = {*groups, *(part.state_name for part in self._stateful)}
        for name in saved.tensors:
            if name.partition("/")[0] not in known:
                raise checkpoint.broken(source, f"{name!r} is unknown", self._option)
        for group, of_group in groups.items():
            arrays = saved.group(group)
            if group == "metrics" and not saved.batch:
                continue  # written between two epochs
            if problem := variables.mismatch(of_group, arrays):
                raise ConfigError(
                    f"The checkpoint {source} does not fit this run: {problem}; start "
                    f"afresh without {self._option}."
                )
            if group == "metrics":
                self.callback.metrics = arrays  # `fit` resets the metrics as its epoch begins
            else:
                variables.write(of_group, arrays)
        for part in self._stateful:
            if part.state_name not in saved.states:
                raise ConfigError(
                    f"The checkpoint {source} was made without {part.state_name}; give "
                    f"the same settings, or start afresh without {self._option}."
                )
            self._give_back(part, saved, source)
        self.callback.saved_at = (saved.epoch, saved.batch)
        if self._kept:
            self._kept.reached = saved.epoch
        step = saved.epoch * self._steps + saved.batch
        print(
            f"Resuming after step {step} (epoch {saved.epoch + 1}, {saved.batch} of {self._steps} "
            f"steps done) from {source}."
        )
        return saved.epoch, saved.batch, saved.stopped

    def _give_back(self, part: Stateful, saved: checkpoint.Checkpoint, source: Path) -> None:
        """Gives a callback its state; refuses one that is damaged or of another step."""
        if isinstance(part, keras.callbacks.Callback):
            part.set_model(self._model)
        try:
            part.set_state(saved.group(part.state_name), saved.states[part.state_name])
            step = saved.epoch * self._steps + saved.batch
            if isinstance(part, History) and part.place != (saved.epoch, saved.batch, step):
                raise BrokenState(f"its history is not that of {step} steps")
        except BrokenState as error:
            raise checkpoint.broken(source, error, self._option) from error

    def _variables(self) -> dict[str, variables.Variables]:
        """All that changes, in groups; what Keras would make at the first step is made now."""
        model = self._model
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        # One row is enough to make the metrics' variables. Nothing is drawn without training.
        inputs, labels, *weights = next(iter(self._batches))  # type: ignore[call-overload]
        row = keras.tree.map_structure(lambda array: array[:1], (inputs, labels, *weights))
        predictions = model(row[0], training=False)
        weight = keras.ops.convert_to_tensor(row[2]) if weights else None
        model.compute_metrics(
            row[0], keras.ops.convert_to_tensor(row[1]), predictions, sample_weight=weight
        )
        model.reset_metrics()
        return {
            "model": variables.changing_variables(model),
            "optimizer": variables.optimizer_variables(model.optimizer),
            "metrics": variables.metrics_variables(model),
        }

    def _save(self, epoch: int, batch: int, *, stopped: bool = False) -> None:
        model = self._model
        backends.current().sync_state(model)
        groups = {
            "model": variables.read(variables.changing_variables(model)),
            "optimizer": variables.read(variables.optimizer_variables(model.optimizer)),
        }
        if batch:
            groups["metrics"] = variables.read(variables.metrics_variables(model))
        states = {}
        for part in self._stateful:
            groups[part.state_name], states[part.state_name] = part.get_state()
        saved = checkpoint.Checkpoint(
            fingerprint=self._fingerprint,
            epoch=epoch,
            batch=batch,
            stopped=stopped,
            states=states,
            tensors={
                f"{group}/{name}": array
                for group, arrays in groups.items()
                for name, array in arrays.items()
            },
        )
        if self._kept and not batch:
            self._kept.write(epoch, saved)  # first: after a kill between the two it is kept again
        checkpoint.write(self._directory, saved)


class _Checkpointer(keras.callbacks.Callback):
    """Counts steps, seeds each and saves when it is time.

    Attributes:
        batch: Batches of the running epoch that are done.
        metrics: The running metrics of a broken epoch, until they are given back.
        saved_at: Epoch and batch of the last checkpoint.
    """

    def __init__(self, run: Resume):
        super().__init__()
        self._run = run
        self._epoch = 0
        self.batch = 0
        self.metrics: dict[str, np.ndarray] = {}
        self.saved_at = (0, 0)  # a new run needs no checkpoint of its beginning

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch = epoch
        self._save_once()
        if self.metrics:
            variables.write(variables.metrics_variables(self.model), self.metrics)
            self.metrics = {}

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        run = self._run
        step = self._epoch * run._steps + self.batch
        if run._every and self.batch and step % run._every == 0:
            self._save_once()
        backends.current().seed_step(run._seed, step)

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self.batch += 1

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self._epoch, self.batch = epoch + 1, 0

    def on_train_end(self, logs: dict | None = None) -> None:
        self._save_once(stopped=self.model.stop_training)

    def _save_once(self, *, stopped: bool = False) -> None:
        if (self._epoch, self.batch) != self.saved_at or stopped:
            self._run._save(self._epoch, self.batch, stopped=stopped)
            self.saved_at = (self._epoch, self.batch)
