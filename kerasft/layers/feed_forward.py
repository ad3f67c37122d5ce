"""The feed-forward network, applied to each position."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="kerasft")
class FeedForward(keras.layers.Layer):
    """Two linear maps with a ReLU between (Vaswani et al. 2017, section 3.3).

        FFN(x) = max(0, x W1 + b1) W2 + b2

    Args:
        d_model: Width of input and output.
        d_ff: Width between the two maps.

    Example:
        >>> FeedForward(d_model=16, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    def __init__(self, d_model: int, d_ff: int, **options: Any) -> None:
        super().__init__(**options)
        self.d_model = d_model
        self.d_ff = d_ff
        self.inner = keras.layers.Dense(d_ff, activation="relu", name="inner")  # W1, b1
        self.outer = keras.layers.Dense(d_model, name="outer")  # W2, b2

    def build(self, input_shape: Any = None) -> None:
        """Makes both maps."""
        self.inner.build((None, None, self.d_model))
        self.outer.build((None, None, self.d_ff))

    def call(self, x: Any) -> Any:
        """Maps each position.

        Args:
            x: (batch, length, d_model).

        Returns:
            (batch, length, d_model).
        """
        return self.outer(self.inner(x))  # (batch, length, d_ff) between

    def step(self, x: Any) -> Any:
        """`call`, for decoding token by token (see `DecoderBlock.step`).

        Args:
            x: (batch, beams, d_model).

        Returns:
            (batch, beams, d_model).
        """
        return self.outer.call(self.inner.call(x))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), "d_model": self.d_model, "d_ff": self.d_ff}
