"""Optimizers, as fast as each backend has them."""

from typing import Any

import keras

from kerasft import backends


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
