"""The position of a token in its text."""

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft.errors import DataError


def sinusoids(length: int, d_model: int) -> np.ndarray:
    """The table of Vaswani et al. 2017, section 3.5.

        PE(pos, 2i)     = sin(pos / 10000^(2i / d_model))
        PE(pos, 2i + 1) = cos(pos / 10000^(2i / d_model))

    Args:
        length: Number of positions.
        d_model: Width of an encoding.

    Returns:
        (length, d_model) float32.

    Example:
        >>> sinusoids(2, 4)[1]  # [sin(1), cos(1), sin(0.01), cos(0.01)]
    """
    positions = np.arange(length)[:, None]  # (length, 1)
    even = np.arange(0, d_model, 2)  # the columns 2i
    angles = positions / 10_000 ** (even / d_model)  # (length, ceil(d_model / 2))
    table = np.empty((length, d_model), "float32")
    table[:, 0::2] = np.sin(angles)
    table[:, 1::2] = np.cos(angles[:, : d_model // 2])
    return table


@keras.saving.register_keras_serializable(package="kerasft")
class PositionalEncoding(keras.layers.Layer):
    """Adds fixed sines and cosines, then drops out (Vaswani et al. 2017, sections 3.5 and 5.4).

        y = dropout(x + PE[0..length))

    Nothing is trained, and the table is no weight: it follows from the two sizes.

    Args:
        seq_len: Most positions that a text may have.
        d_model: Width of the vectors.
        dropout: Share of the sums that is set to 0 in training.

    Example:
        >>> PositionalEncoding(seq_len=60, d_model=16)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    def __init__(self, seq_len: int, d_model: int, dropout: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.seq_len = seq_len
        self.d_model = d_model
        self.dropout = keras.layers.Dropout(dropout, name="dropout")
        self.table = sinusoids(seq_len, d_model)

    def build(self, input_shape: Any = None) -> None:
        """Has no weights to make."""

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Adds the encodings of the positions 0, 1, ...

        Args:
            x: (batch, length, d_model), length at most seq_len.

        Returns:
            (batch, length, d_model).

        Raises:
            DataError: The text is longer than `seq_len`.
        """
        length = ops.shape(x)[1]
        if isinstance(length, int) and length > self.seq_len:
            raise DataError(
                f"a text of {length} tokens is longer than the model's {self.seq_len} positions; "
                "cut it, or build the model for longer texts"
            )
        table = ops.convert_to_tensor(self.table, dtype=x.dtype)[:length]  # (length, d_model)
        return self.dropout(x + table, training=training)

    def at(self, position: Any) -> Any:
        """The encoding of one position.

        Args:
            position: Scalar int, below seq_len.

        Returns:
            (d_model,).
        """
        return ops.take(ops.convert_to_tensor(self.table), position, axis=0)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {"seq_len": self.seq_len, "d_model": self.d_model, "dropout": self.dropout.rate}
        return {**super().get_config(), **own}
