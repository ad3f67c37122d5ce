"""Optimizers, as fast as each backend has them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasft import backends
from kerasft.errors import ConfigError


def adam(
    learning_rate: Any, ratios: Mapping[str, float] | None = None, **options: Any
) -> keras.optimizers.Adam:
    """Keras's Adam; on torch it updates each variable in one pass over memory.

    Args:
        learning_rate: A number or a schedule.
        ratios: What it is multiplied by for variables of some names (a method's `rate_ratios`).
        **options: Those of `keras.optimizers.Adam`.

    Example:
        >>> model.compile(training.adam(2e-3, beta_2=0.98, epsilon=1e-9), loss)
    """
    optimizer: keras.optimizers.Adam
    if ratios:
        optimizer = AdamWithRatios(learning_rate, ratios=ratios, **options)
    else:
        optimizer = keras.optimizers.Adam(learning_rate, **options)
    backends.current().fuse_updates(optimizer)
    return optimizer


@keras.saving.register_keras_serializable("kerasft")
class AdamWithRatios(keras.optimizers.Adam):
    """Adam with other learning rates for variables of some names.

    LoRA+ (Hayou et al., arXiv:2402.12354, section 4) so gives B a higher rate than A.

    Args:
        *args: As for `keras.optimizers.Adam`.
        ratios: What the learning rate is multiplied by, by the name of a variable, which is the
            last part of its path.
        **options: As for `keras.optimizers.Adam`.

    Example:
        >>> AdamWithRatios(1e-4, ratios={"lora_b": 16})  # doctest: +SKIP
    """

    def __init__(self, *args: Any, ratios: Mapping[str, float], **options: Any) -> None:
        super().__init__(*args, **options)
        self.ratios = dict(ratios)

    def _backend_update_step(
        self, grads: Sequence[Any], trainable_variables: Sequence[Any], learning_rate: Any
    ) -> None:
        # `fuse_updates` gives torch's the first; a subclass of Adam has no such step in Keras.
        step: Any = getattr(self, "_parallel_update_step", super()._backend_update_step)
        groups: dict[float, list[int]] = defaultdict(list)
        for place, variable in enumerate(trainable_variables):
            name = variable.path.rpartition("/")[2]
            groups[self.ratios.get(name, 1.0)].append(place)
        for ratio, places in groups.items():
            step(
                [grads[place] for place in places],
                [trainable_variables[place] for place in places],
                learning_rate * ratio,
            )

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the optimizer again."""
        return {**super().get_config(), "ratios": self.ratios}


def adamw(
    learning_rate: Any, model: keras.Model, weight_decay: float = 0.01, **options: Any
) -> keras.optimizers.AdamW:
    """Keras's AdamW, whose decay leaves vectors and the biases of relative positions alone.

    Norms and biases are vectors; to shrink them would only undo what they are there for. Source:
    Loshchilov and Hutter 2019 ("Decoupled Weight Decay Regularization"), algorithm 2.

    Args:
        learning_rate: A number or a schedule.
        model: The built model that will be trained.
        weight_decay: Share of a matrix that goes at each step, times the learning rate.
        **options: Further ones of `keras.optimizers.AdamW`.

    Raises:
        ConfigError: The decay is negative.

    Example:
        >>> model.compile(training.adamw(1e-3, model, weight_decay=0.01), loss)
    """
    if not weight_decay >= 0:  # so that NaN is refused too
        raise ConfigError(f"weight_decay is {weight_decay}; give 0 or more.")
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay, **options)
    optimizer.exclude_from_weight_decay(
        [
            variable
            for variable in model.trainable_variables
            if len(variable.shape) < 2 or "relative_position_bias" in variable.path
        ]
    )
    backends.current().fuse_updates(optimizer)
    return optimizer
