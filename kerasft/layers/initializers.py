"""What matrices start from."""

import keras


def truncated_normal(deviation: float) -> keras.initializers.Initializer:
    """A normal around 0, cut at two deviations.

    A new one each time: Keras draws the same numbers again from one that is used twice.

    Args:
        deviation: 0 makes zeros, when all weights are loaded afterwards: drawing random ones takes
            seconds and four times the memory of the largest table.
    """
    if deviation == 0:
        return keras.initializers.Zeros()
    return keras.initializers.TruncatedNormal(stddev=deviation)
