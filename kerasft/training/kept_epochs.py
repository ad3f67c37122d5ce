"""The checkpoints of whole epochs that a run keeps: to continue from one, or to average."""

import re
from pathlib import Path

import keras
import numpy as np

from kerasft.errors import ConfigError
from kerasft.training import checkpoint, variables


class KeptEpochs:
    """Checkpoints `epoch_001`, `epoch_002`, ... in one folder: weights, optimizer, step and RNG.

    Args:
        directory: The folder; made when the first epoch is kept.
        last: How many are kept, the latest ones; 0 keeps none.

    Attributes:
        reached: The epoch, from 1, whose weights the model has; 0 before the first.

    Raises:
        ConfigError: `last` is negative.

    Example:
        >>> kept = KeptEpochs("saved_models/translate.epochs", last=5)
        >>> run = Resume(model, batches, "saved_models/translate.checkpoint", kept=kept,
        ...              preload="latest", seed=0, fingerprint={})
    """

    def __init__(self, directory: str | Path, last: int) -> None:
        if last < 0:
            raise ConfigError(f"{last} epochs cannot be kept; give 0 or more.")
        self.directory, self.last = Path(directory), last
        self.reached = 0

    def epochs(self) -> list[int]:
        """The numbers of the epochs that are there, from 1, ascending."""
        names = (re.fullmatch(r"epoch_(\d{3,})", path.name) for path in self.directory.glob("*"))
        found = sorted(int(name[1]) for name in names if name)
        return [epoch for epoch in found if checkpoint.is_checkpoint(self.path(epoch))]

    def path(self, epoch: int) -> Path:
        """Where an epoch's checkpoint lies."""
        return self.directory / f"epoch_{epoch:03}"

    def find(self, which: str) -> Path:
        """The checkpoint that `--preload` names.

        Args:
            which: "latest" or the number of an epoch, from 1.

        Raises:
            ConfigError: There is no such epoch; the message says which there are.
        """
        epochs = self.epochs()
        if which == "latest" and epochs:
            return self.path(epochs[-1])
        if which.isdecimal() and int(which) in epochs:
            return self.path(int(which))
        there = ", ".join(map(str, epochs)) or "none"
        raise ConfigError(
            f"--preload {which}: {self.directory} has no such epoch (there: {there}); name one of "
            "them or `latest`, or start afresh without --preload."
        )

    def write(self, epoch: int, saved: checkpoint.Checkpoint) -> None:
        """Keeps an epoch (from 1), and removes those that are too old."""
        self.reached = epoch
        if not self.last:
            return
        checkpoint.write(self.path(epoch), saved)
        for old in [kept for kept in self.epochs() if kept <= epoch][: -self.last]:
            checkpoint.remove(self.path(old))

    def clear(self, after: int = 0) -> int:
        """Removes the kept epochs after one, those of an earlier run; returns how many."""
        epochs = [epoch for epoch in self.epochs() if epoch > after]
        for epoch in epochs:
            checkpoint.remove(self.path(epoch))
        return len(epochs)

    def average(self, model: keras.Model, count: int) -> str:
        """Gives the model the mean of the weights of the last epochs (Vaswani et al. 2017, 6.1).

        Those that were kept after the epoch that is reached are of another run, and left out.

        Args:
            model: The model that was trained.
            count: Of how many epochs, or fewer if fewer are kept; 0 or 1 leaves the model as it is.

        Returns:
            A sentence on what the weights are now. Where an epoch is broken or of another model,
            the sentence says so, and the model is as it was: a run is not to end unsaved for it.
        """
        as_they_are = f"those after epoch {self.reached}"
        epochs = [epoch for epoch in self.epochs() if epoch <= self.reached]
        epochs = epochs[-count:] if count > 1 else []
        if len(epochs) < 2:
            return as_they_are
        target = variables.changing_variables(model)
        sums: dict[str, np.ndarray] = {}
        for epoch in epochs:
            try:
                arrays = checkpoint.read(self.path(epoch), f"--average_epochs {count}").group(
                    "model"
                )
            except ConfigError as error:
                return f"{as_they_are}; there is no mean, because of this: {error}"
            if problem := variables.mismatch(target, arrays):
                return (
                    f"{as_they_are}; there is no mean: {self.path(epoch)} does not fit: {problem}."
                )
            for name, array in arrays.items():
                if np.issubdtype(array.dtype, np.floating):
                    sums[name] = sums.get(name, 0.0) + array.astype(np.float64)
        means = {name: (total / len(epochs)).astype(np.float32) for name, total in sums.items()}
        variables.write({name: target[name] for name in means}, means)
        return f"the mean of those after the epochs {', '.join(map(str, epochs))}"
