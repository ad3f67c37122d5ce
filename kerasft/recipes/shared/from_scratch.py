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
        learning_rate: Of Adam: the peak of the schedule.
        schedule: `linear` (to 0 at the last step), `inverse_sqrt` or `constant`.
        warmup_steps: Steps in which the rate rises (`constant` has none).
        label_smoothing: Share of each label that is spread over the vocabulary.
        beam_size: Hypotheses followed at a time.
        keep_epochs: Checkpoints of so many last epochs stay in `<output>.epochs`.
        preload: Go on from one of these: its number, or `latest`; to another number of `epochs` if
            you like, and with no more than it has had, the folder is saved without training.
        average_epochs: In the end take the mean of the weights of so many kept epochs; 0 does not.
    """

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
