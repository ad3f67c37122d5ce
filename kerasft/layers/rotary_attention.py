"""Attention in which queries and keys are rotated by their position."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft.errors import ConfigError
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.self_attention import SelfAttention


def rotation_table(length: int, d_k: int, base: float) -> np.ndarray:
    """The turns of all positions (Su et al. 2021, "RoFormer", section 3.2.2).

        angle(p, i) = p / base^(2i / d_k)           for i = 0, ..., d_k / 2 - 1

    Each step is rounded to float32, as in the original: far from 0 it shows.

    Args:
        length: Number of positions.
        d_k: Width of a head, even.

    Returns:
        (2, length, d_k / 2) float32: the cosines and the sines.

    Example:
        >>> rotation_table(2, 4, 100.0)[:, 1]  # [[cos(1), cos(0.1)], [sin(1), sin(0.1)]]
    """
    single = np.float32
    powers = np.arange(0, d_k, 2, dtype="float32") / single(d_k)
    rates = single(1) / np.power(float(base), powers.astype("float64")).astype("float32")
    angles = np.arange(length, dtype="float32")[:, None] * rates
    return np.stack([np.cos(angles.astype("float64")), np.sin(angles.astype("float64"))]).astype(
        "float32"
    )


def rotate(x: Any, rotation: Any) -> Any:
    """Turns each pair of values (x_i, x_{i + d_k / 2}) by the angle of its position.

    Args:
        x: (batch, length, ..., heads, d_k).
        rotation: (2, length, d_k / 2), see `rotation_table`.

    Returns:
        The same shape.
    """
    half = x.shape[-1] // 2
    between = (None,) * (len(x.shape) - 3)
    cosine, sine = rotation[(0, slice(None), *between)], rotation[(1, slice(None), *between)]
    one, other = x[..., :half], x[..., half:]
    return ops.concatenate([one * cosine - other * sine, other * cosine + one * sine], axis=-1)


@keras.saving.register_keras_serializable(package="kerasft")
class RotaryAttention(SelfAttention):
    """Self-attention that knows positions by turning queries and keys (Su et al. 2021).

        q_i k_j = (R_i W^Q x_i) (R_j W^K x_j)          R_p turns by the angles of position p

    So a score depends on how far two positions stand apart. W^Q, W^K and W^V are one matrix.

    Args:
        d_model: Width of input and output.
        heads: Number of heads; the width of each must be even.
        dropout: Share of the softmax's values that is set to 0 in training.
        use_bias: Whether the matrices have biases.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.
        output_deviation: That of W^O.

    Raises:
        ConfigError: `heads` does not divide `d_model` into parts of an even width.

    Example:
        >>> attention = RotaryAttention(d_model=16, heads=4)
        >>> attention(x, rotation_table(5, 4, 10_000.0))  # (batch, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        dropout: float = 0.0,
        use_bias: bool = False,
        initial_deviation: float = 0.02,
        output_deviation: float = 0.02,
        **options: Any,
    ) -> None:
        if heads < 1 or d_model % (2 * heads):
            raise ConfigError(
                f"the number of heads ({heads}) must divide d_model ({d_model}) into parts of an "
                "even width; choose another of the two"
            )
        # Not SelfAttention's own, which would make four matrices.
        keras.layers.Layer.__init__(self, **options)
        self.settings = {
            "use_bias": use_bias,
            "initial_deviation": initial_deviation,
            "output_deviation": output_deviation,
        }
        self.d_model = d_model
        self.heads = heads
        self.d_k = d_model // heads
        self.scale = self.d_k**-0.5
        self.query_key_value = keras.layers.EinsumDense(
            "abc,cdef->abdef",
            output_shape=(None, 3, heads, self.d_k),
            bias_axes="def" if use_bias else None,
            kernel_initializer=TruncatedNormal(initial_deviation),
            name="query_key_value",
        )
        self.merge = keras.layers.EinsumDense(
            "abcd,cde->abe",
            output_shape=(None, d_model),
            bias_axes="e" if use_bias else None,
            kernel_initializer=TruncatedNormal(output_deviation),
            name="attention_output",
        )
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, input_shape: Any = None) -> None:
        """Makes both matrices."""
        self.query_key_value.build((None, None, self.d_model))
        self.merge.build((None, None, self.heads, self.d_k))

    def call(  # type: ignore[override]  # it reads from itself alone
        self,
        x: Any,
        rotation: Any,
        attention_mask: Any = None,
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Lets each position read from the others.

        Args:
            x: (batch, length, d_model).
            rotation: (2, length, d_k / 2), see `rotation_table`.
            attention_mask: bool, broadcast to (batch, heads, length, length).
            first_only: Whether position 0 alone reads.

        Returns:
            (batch, length, d_model), or with `first_only` (batch, 1, d_model).
        """
        parts = self.query_key_value(x)  # (batch, length, 3, heads, d_k)
        turned = rotate(parts[:, :, :2], rotation)  # (batch, length, 2, heads, d_k)
        query, key, value = turned[:, :, 0], turned[:, :, 1], parts[:, :, 2]
        if first_only:
            query = query[:, :1]
            attention_mask = None if attention_mask is None else attention_mask[:, :, :1]
        return self.merge(self.attend(query, key, value, attention_mask, training))

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {"d_model": self.d_model, "heads": self.heads, "dropout": self.dropout.rate}
        return {**keras.layers.Layer.get_config(self), **own, **self.settings}
