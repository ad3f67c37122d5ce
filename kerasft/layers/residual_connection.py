"""The way around a sublayer."""

from collections.abc import Callable
from typing import Any

import keras

from kerasft.layers.layer_normalization import LayerNormalization
from kerasft.layers.root_mean_square_normalization import RootMeanSquareNormalization


@keras.saving.register_keras_serializable(package="kerasft")
class ResidualConnection(keras.layers.Layer):
    """Adds what a sublayer makes to what went in (Vaswani et al. 2017, sections 3.1 and 5.4).

        norm first:  y = x + dropout(sublayer(norm(x)))      (Xiong et al. 2020: trains more stably)
        norm last:   y = norm(x + dropout(sublayer(x)))      (as in the paper)

    Args:
        dropout: Share of the sublayer's values that is set to 0 in training.
        norm_first: Which of the two.
        root_mean_square: Whether norm is a `RootMeanSquareNormalization`, as in T5, and not a
            `LayerNormalization`.
        epsilon: The normalization's; its own default where it is None.

    Example:
        >>> ResidualConnection(dropout=0.1)(x, sublayer=FeedForward(d_model=16, d_ff=64))
    """

    def __init__(
        self,
        dropout: float = 0.0,
        norm_first: bool = True,
        root_mean_square: bool = False,
        epsilon: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.norm_first = norm_first
        self.root_mean_square = root_mean_square
        kind = RootMeanSquareNormalization if root_mean_square else LayerNormalization
        self.norm = kind(name="norm") if epsilon is None else kind(epsilon, name="norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes the normalization for vectors of `x_shape[-1]` values."""
        self.norm.build(x_shape)

    def call(self, x: Any, *, sublayer: Callable[[Any], Any], training: bool | None = None) -> Any:
        """Runs the sublayer beside the way around it.

        Args:
            x: (batch, length, d_model).
            sublayer: (batch, length, d_model) -> (batch, length, d_model).

        Returns:
            (batch, length, d_model).
        """
        if self.norm_first:
            return x + self.dropout(sublayer(self.norm(x)), training=training)
        return self.norm(x + self.dropout(sublayer(x), training=training))

    def step(self, x: Any, sublayer: Callable[[Any], Any]) -> Any:
        """`call` without dropout, for decoding token by token (see `DecoderBlock.step`).

        Args:
            x: (batch, beams, d_model).
            sublayer: (batch, beams, d_model) -> (batch, beams, d_model).

        Returns:
            (batch, beams, d_model).
        """
        if self.norm_first:
            return x + sublayer(self.norm.call(x))
        return self.norm.call(x + sublayer(x))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {
            "dropout": self.dropout.rate,
            "norm_first": self.norm_first,
            "root_mean_square": self.root_mean_square,
            "epsilon": self.norm.epsilon,
        }
        return {**super().get_config(), **own}
