"""The options that every recipe has, and the bounds of numbers in options."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from kerasft.errors import ConfigError


@dataclasses.dataclass
class Options:
    """The options of every recipe, also of one that trains nothing.

    Args:
        output: Folder to save into. It is written whole or not at all, and a folder that kerasft
            did not write is never replaced.
        seed: Seed of the weights, of dropout and of the order of the batches.
        threads: Number of CPU threads; null leaves it to the backend.
    """

    group = "run and output"

    output: str = "saved_models/run"
    seed: int = 0
    threads: int | None = None


@dataclasses.dataclass
class RunOptions(Options):
    """The options of every recipe that trains.

    Args:
        resume: Continue from the last checkpoint. The losses are those of a run that was never
            stopped.
        checkpoint_steps: Steps between two checkpoints; every epoch ends with one as well.
        tensorboard: Write TensorBoard event files to `<output>.tensorboard`.
        wandb: Log the run to Weights & Biases (`WANDB_MODE=offline` needs no account).
        export: `auto` also exports the model for ONNX Runtime or CTranslate2 if that package is
            installed, and checks that it predicts the same; predict and serve then start in about a
            second. `none` skips this.
    """

    group = "run and output"

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
