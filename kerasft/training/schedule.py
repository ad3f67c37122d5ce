"""Learning rate schedules."""

from typing import Any

import keras

from kerasft.errors import ConfigError


@keras.saving.register_keras_serializable(package="kerasft")
class WarmupLinearDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to the peak, then falls linearly to 0 at the last step.

    After `step` updates the rate is peak step / warmup_steps while step < warmup_steps, then
    peak (total_steps - step) / (total_steps - warmup_steps), and never below 0: the schedule of
    BERT (Devlin et al. 2019, appendix A.2) and of transformers' `get_linear_schedule_with_warmup`.

    Example:
        >>> schedule = WarmupLinearDecay(2e-3, total_steps=300, warmup_steps=30)
        >>> model.compile(keras.optimizers.Adam(schedule), loss)
    """

    def __init__(self, peak: float, total_steps: int, warmup_steps: int = 0):
        """Sets the shape of the schedule.

        Args:
            peak: The highest rate.
            total_steps: Updates in the whole run.
            warmup_steps: Updates until the peak; 0 starts at the peak.

        Raises:
            ConfigError: The peak is not above 0, or the warmup does not fit into the run.
        """
        super().__init__()
        if not peak > 0:
            raise ConfigError(f"The learning rate is {peak}; make it larger than 0.")
        if not 0 <= warmup_steps < total_steps:
            raise ConfigError(
                f"A warmup of {warmup_steps} steps does not fit into a run of {total_steps} steps."
            )
        self.peak, self.total_steps, self.warmup_steps = peak, total_steps, warmup_steps

    def __call__(self, step: Any) -> Any:
        """The rate after `step` updates, a number or a scalar tensor."""
        step = keras.ops.cast(step, "float32")
        # Of the rising and the falling line the lower one holds. Without warmup the rising one
        # starts at the peak.
        falling = (self.total_steps - step) / (self.total_steps - self.warmup_steps)
        rising = step / self.warmup_steps if self.warmup_steps else 1.0
        return self.peak * keras.ops.clip(keras.ops.minimum(rising, falling), 0.0, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "warmup_steps": self.warmup_steps,
        }


@keras.saving.register_keras_serializable(package="kerasft")
class InverseSquareRoot(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly to the peak, then falls with the square root of the step.

    The rate of update `step` (from 1) is peak min(step / warmup_steps, sqrt(warmup_steps / step)):
    the schedule of Vaswani et al. 2017, section 5.3, which is the one of
    peak = (d_model warmup_steps)^-0.5.

    Example:
        >>> schedule = InverseSquareRoot(1e-3, warmup_steps=400)
        >>> model.compile(keras.optimizers.Adam(schedule, beta_2=0.98, epsilon=1e-9), loss)
    """

    def __init__(self, peak: float, warmup_steps: int):
        """Sets the shape of the schedule.

        Args:
            peak: The highest rate.
            warmup_steps: Updates until the peak, 1 or more.

        Raises:
            ConfigError: The peak is not above 0, or there is no warmup.
        """
        super().__init__()
        if not peak > 0:
            raise ConfigError(f"The learning rate is {peak}; make it larger than 0.")
        if warmup_steps < 1:
            raise ConfigError(f"warmup_steps is {warmup_steps}; this schedule needs 1 or more.")
        self.peak, self.warmup_steps = peak, warmup_steps

    def __call__(self, step: Any) -> Any:
        """The rate after `step` updates, a number or a scalar tensor."""
        update = keras.ops.cast(step, "float32") + 1.0
        rising = update / self.warmup_steps
        return self.peak * keras.ops.minimum(rising, keras.ops.sqrt(1.0 / rising))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


def schedule(
    name: str, peak: float, total_steps: int, warmup_steps: int = 0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate that a recipe's `--schedule` names.

    Args:
        name: "constant", "linear" or "inverse_sqrt".
        peak: The highest rate.
        total_steps: Updates in the whole run.
        warmup_steps: Updates until the peak; "constant" has none.

    Raises:
        ConfigError: The name is unknown, or the numbers do not fit.
    """
    match name:
        case "constant":
            return peak
        case "linear":
            return WarmupLinearDecay(peak, total_steps, warmup_steps)
        case "inverse_sqrt":
            return InverseSquareRoot(peak, warmup_steps)
    raise ConfigError(
        f"the schedule {name!r} is unknown; choose among constant, linear and inverse_sqrt."
    )
