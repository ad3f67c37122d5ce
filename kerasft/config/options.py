"""The options that every recipe has, and the bounds of numbers in options."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from kerasft.errors import ConfigError


@dataclasses.dataclass
class Options:
    """The options of every recipe, also of one that trains nothing.

    Args:
        output: Folder to save into, written whole or not at all. A folder that kerasft did
            not write is never touched.
        seed: Seed of everything random: weights, dropout, the order of the batches.
        threads: Threads of the backend; null leaves its default.
    """

    output: str = "saved_models/run"
    seed: int = 0
    threads: int | None = None


@dataclasses.dataclass
class RunOptions(Options):
    """The options of every recipe that trains.

    Args:
        resume: Go on from the last checkpoint beside the output, to the same losses as a run that
            was never stopped.
        checkpoint_steps: Steps between two checkpoints; each epoch ends with one in any case.
        tensorboard: Write TensorBoard event files to `<output>.tensorboard`.
        wandb: Log the run to Weights & Biases (`WANDB_MODE=offline` needs no account).
        export: "auto" also writes the model for ONNX Runtime or CTranslate2 into the saved folder,
            compared with Keras, where the packages for it are installed; predict and serve then
            start in a second. "none" does not.
    """

    resume: bool = False
    checkpoint_steps: int = 50
    tensorboard: bool = False
    wandb: bool = False
    export: Literal["auto", "none"] = "auto"

    def fingerprint(self) -> dict[str, Any]:
        """The options that decide what a run computes: what a resumed run must not change."""
        free = self.free()
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in free}

    def free(self) -> set[str]:
        """The names of the other options, which a resumed run may change."""
        return {field.name for field in dataclasses.fields(RunOptions)} - {"seed"}


def at_least(config: Any, **least: float) -> None:
    """Refuses options below the least value that makes sense; None ("chosen for you") passes.

    Raises:
        ConfigError: The message names the first such option.

    Example:
        >>> at_least(config, epochs=1, batch_size=1)
    """
    for name, bound in least.items():
        value = getattr(config, name)
        if value is not None and not value >= bound:  # so that NaN is refused too
            raise ConfigError(f"--{name} is {value}; give {bound} or more.")


def at_most(config: Any, **most: float) -> None:
    """Refuses options that are above what can be saved.

    Raises:
        ConfigError: The message names the first such option.

    Example:
        >>> at_most(config, beam_size=64)
    """
    for name, bound in most.items():
        if not getattr(config, name) <= bound:
            raise ConfigError(f"--{name} is {getattr(config, name)}; give {bound} or less.")
