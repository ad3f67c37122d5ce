"""The place of virtual tokens before those of a text."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from kerasft.errors import DataError


@keras.saving.register_keras_serializable(package="kerasft")
class VirtualTokens(keras.layers.Layer):
    """A place before the embeddings of a text's tokens, empty unless a method of tuning fills it.

    It stands between the table of tokens and whatever is added to its vectors. A model lets each
    array with a value for each token pass through `extend`, and takes what it makes of the virtual
    tokens off again with `drop`.

    Args:
        width: Width of the vectors.
        positions: Most positions that the model has; None for any number.
        vocab_size: How many tokens `lookup` knows.
        lookup: Gives the vectors (n, width) of token ids (n,), for those who start from them.

    Attributes:
        count: How many vectors stand there.

    Example:
        >>> VirtualTokens(width=16)(np.zeros((1, 5, 16))).shape
        (1, 5, 16)
    """

    count = 0

    def __init__(
        self,
        width: int,
        positions: int | None = None,
        vocab_size: int = 0,
        lookup: Callable[[Any], Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.width, self.positions, self.vocab_size = width, positions, vocab_size
        self.lookup: Any = lookup

    def build(self, input_shape: Any = None) -> None:
        """Has no weights to make."""

    def vectors(self, training: bool | None = None) -> Any:
        """What stands before each text, (count, width)."""
        return ops.zeros((self.count, self.width))

    def call(self, x: Any, training: bool | None = None) -> Any:
        """Puts the vectors before those of the tokens.

        Args:
            x: (batch, length, width).

        Returns:
            (batch, count + length, width).

        Raises:
            DataError: That is more than the model has positions.
        """
        if not self.count:
            return x
        length = x.shape[1]
        if self.positions and length is not None and self.count + length > self.positions:
            raise DataError(
                f"a text of {length} tokens and {self.count} virtual tokens are more than the "
                f"model's {self.positions} positions; make max_length smaller"
            )
        # Zeros of x, and no size of it, so that a recorded graph is of any batch. They stand on the
        # left: Keras on TensorFlow takes those of a batch of one for a bias, and drops their axes.
        vectors = ops.add(ops.zeros_like(x[:, :1]), ops.cast(self.vectors(training), x.dtype))
        return ops.concatenate([vectors, x], axis=1)  # (batch, count, width) and x

    def extend(self, x: Any, value: bool | int) -> Any:
        """Puts a value for each vector before those of the tokens.

        Args:
            x: (..., length), a mask or numbers.
            value: The vectors' value.

        Returns:
            (..., count + length).
        """
        if not self.count:
            return x
        values = ops.full_like(x[..., :1], value)  # (..., 1)
        values = ops.broadcast_to(values, (*ops.shape(x)[:-1], self.count))
        return ops.concatenate([values, x], axis=-1)

    def drop(self, x: Any) -> Any:
        """Takes off what was made of the vectors.

        Args:
            x: (batch, count + length, ...).

        Returns:
            (batch, length, ...).
        """
        return x[:, self.count :] if self.count else x

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again, but for `lookup`."""
        own = {"width": self.width, "positions": self.positions, "vocab_size": self.vocab_size}
        return {**super().get_config(), **own}
