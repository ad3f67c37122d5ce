"""How a model that writes texts is trained from random weights: the options that recipes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from kerasft.config import RunOptions

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule


@dataclass
class FromScratchOptions(RunOptions):
    """How a model that writes texts is trained from random weights.

    Args:
        epochs: Passes over the training pairs.
        learning_rate: Highest learning rate of Adam.
        schedule: How the learning rate changes: `linear` (to 0 at the last step), `inverse_sqrt` or
            `constant`.
        warmup_steps: Steps in which the rate first rises (not with `constant`).
        label_smoothing: Share of each label that is spread over the vocabulary.
        beam_size: Beams of the search; 1 is greedy.
        keep_epochs: Keep the checkpoints of this many last epochs in `<output>.epochs`.
        preload: Continue from a kept epoch: its number, or `latest`. `epochs` may differ; if it is
            no larger than that number, the folder is saved without training.
        average_epochs: Save the mean of the weights of this many kept epochs; 0 saves the last.
    """

    group = "training"

    epochs: int = 10
    learning_rate: float = 2e-3
    schedule: Literal["linear", "inverse_sqrt", "constant"] = "linear"
    warmup_steps: int = 200
    label_smoothing: float = 0.1
    beam_size: int = 4
    keep_epochs: int = 5
    preload: str | None = None
    average_epochs: int = 0

    def rate(self, steps: int) -> float | LearningRateSchedule:
        """The learning rate over a run of so many steps.

        Raises:
            ConfigError: The rate is not above 0, or the rising steps do not fit into the run.
        """
        from kerasft import training

        rising = self.warmup_steps
        if self.preload and self.schedule == "linear":
            rising = min(rising, steps - 1)  # a kept epoch may be saved before the rate has risen
        return training.schedule(self.schedule, self.learning_rate, steps, rising)

    def free(self) -> set[str]:
        """As for every recipe; and a run may keep other epochs, or go on for more of them."""
        free = super().free() | {"beam_size", "keep_epochs", "preload", "average_epochs"}
        # `linear` falls to 0 at the last step of all: with more epochs it is another run.
        return free if self.schedule == "linear" else free | {"epochs"}
