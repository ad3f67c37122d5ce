"""The way around a sublayer."""

from collections.abc import Callable
from typing import Any

import keras

from kerasft.layers.layer_normalization import LayerNormalization


@keras.saving.register_keras_serializable(package="kerasft")
class ResidualConnection(keras.layers.Layer):
    """Adds what a sublayer makes to what went in (Vaswani et al. 2017, sections 3.1 and 5.4).

        norm first:  y = x + dropout(sublayer(norm(x)))      (Xiong et al. 2020: trains more stably)
        norm last:   y = norm(x + dropout(sublayer(x)))      (as in the paper)

    Args:
        dropout: Share of the sublayer's values that is set to 0 in training.
        norm_first: Which of the two.
        norm: The layer that normalizes; a `LayerNormalization` where it is None.

    Example:
        >>> ResidualConnection(dropout=0.1)(x, sublayer=FeedForward(d_model=16, d_ff=64))
    """

    def __init__(
        self,
        dropout: float = 0.0,
        norm_first: bool = True,
        norm: keras.layers.Layer | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.norm_first = norm_first
        self.norm = LayerNormalization(name="norm") if norm is None else norm
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes the normalization for vectors of `x_shape[-1]` values."""
        self.norm.build(x_shape)

    def call(
        self,
        x: Any,
        *,
        sublayer: Callable[[Any], Any],
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Runs the sublayer beside the way around it.

        Args:
            x: (batch, length, d_model).
            sublayer: (batch, length, d_model) -> (batch, length, d_model).
            first_only: Whether the sublayer makes position 0 alone, (batch, 1, d_model).

        Returns:
            (batch, length, d_model), or with `first_only` (batch, 1, d_model).
        """
        added = sublayer(self.norm(x) if self.norm_first else x)
        return self.add(x[:, :1] if first_only else x, self.dropout(added, training=training))

    def step(self, x: Any, sublayer: Callable[[Any], Any]) -> Any:
        """`call` without dropout, for decoding token by token (see `DecoderBlock.step`).

        Args:
            x: (batch, beams, d_model).
            sublayer: (batch, beams, d_model) -> (batch, beams, d_model).

        Returns:
            (batch, beams, d_model).
        """
        return self.add(x, sublayer(self.norm.call(x) if self.norm_first else x))

    def add(self, x: Any, added: Any) -> Any:
        """Ends `call` and `step`: here both ways meet.

        Args:
            x: (batch, length, d_model), what went around the sublayer.
            added: (batch, length, d_model), what the sublayer made.

        Returns:
            (batch, length, d_model).
        """
        return x + added if self.norm_first else self.norm(x + added)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {
            "dropout": self.dropout.rate,
            "norm_first": self.norm_first,
            "norm": keras.saving.serialize_keras_object(self.norm),
        }
        return {**super().get_config(), **own}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ResidualConnection":
        """Makes the layer that `get_config` described."""
        norm = keras.saving.deserialize_keras_object(config["norm"])
        return cls(**{**config, "norm": norm})
