"""What matrices start from."""

import random
from typing import Any

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="kerasft")
class TruncatedNormal(keras.initializers.Initializer):
    """A normal around 0, cut at two deviations, drawn by NumPy.

    So it is the same on every backend, and JAX compiles nothing for it. What is drawn follows from
    the seed of `keras.utils.set_random_seed`, and differs at each call.

    Args:
        deviation: Standard deviation; 0 gives zeros, for weights that are loaded afterwards.

    Example:
        >>> keras.layers.Dense(8, kernel_initializer=TruncatedNormal(0.02))
    """

    def __init__(self, deviation: float) -> None:
        self.deviation = deviation

    def __call__(self, shape: Any, dtype: Any = None, **options: Any) -> np.ndarray:
        """Draws an array of that shape."""
        dtype = keras.backend.standardize_dtype(dtype)
        if not self.deviation:
            return np.zeros(shape, dtype)
        rng = np.random.default_rng(random.getrandbits(64))
        array = rng.standard_normal(shape, "float32")
        while (far := np.abs(array) > 2).any():
            array[far] = rng.standard_normal(int(far.sum()), "float32")
        return (array * self.deviation).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the initializer again."""
        return {"deviation": self.deviation}


def normal(deviation: float) -> keras.initializers.Initializer:
    """A normal around 0 that is not cut, as T5's matrices start.

    Args:
        deviation: Standard deviation; 0 gives zeros, for weights that are loaded afterwards.
    """
    if not deviation:
        return keras.initializers.Zeros()
    return keras.initializers.RandomNormal(stddev=deviation)
