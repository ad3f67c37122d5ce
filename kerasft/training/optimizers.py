"""Optimizers, as fast as each backend has them."""

from typing import Any

import keras

from kerasft import backends
from kerasft.errors import ConfigError


def adam(learning_rate: Any, **options: Any) -> keras.optimizers.Adam:
    """Keras's Adam; on torch it updates each variable in one pass over memory.

    Args:
        learning_rate: A number or a schedule.
        **options: Those of `keras.optimizers.Adam`.

    Example:
        >>> model.compile(training.adam(2e-3, beta_2=0.98, epsilon=1e-9), loss)
    """
    optimizer = keras.optimizers.Adam(learning_rate, **options)
    backends.current().fuse_updates(optimizer)
    return optimizer


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
