"""Vectors to the next token's probabilities."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasft")
class Projection(keras.layers.Layer):
    """A linear map onto the vocabulary and a log-softmax (Vaswani et al. 2017, section 3.4).

        y = log softmax(x W + b)

    Tied (Press and Wolf 2017), W is the transposed table of the target's `InputEmbedding`, which is
    then given at each call; only the bias b is the layer's own.

    Args:
        d_model: Width of the vectors.
        vocab_size: Number of tokens to choose from.
        tied: Whether W is an embedding's table.

    Example:
        >>> Projection(d_model=16, vocab_size=100)(np.zeros((1, 5, 16)))  # (1, 5, 100)
    """

    def __init__(self, d_model: int, vocab_size: int, tied: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.d_model = d_model
        self.vocab_size = vocab_size
        self.tied = tied

    def build(self, input_shape: Any = None) -> None:
        """Makes the bias and, unless tied, the kernel W."""
        if not self.tied:
            self.kernel = self.add_weight(
                name="kernel",
                shape=(self.d_model, self.vocab_size),
                initializer="glorot_uniform",
            )
        self.bias = self.add_weight(name="bias", shape=(self.vocab_size,), initializer="zeros")

    def call(self, x: Any, table: Any = None) -> Any:
        """Scores every token.

        Args:
            x: (..., d_model).
            table: Tied: the embedding's table, (vocab_size, d_model).

        Returns:
            (..., vocab_size) float32 log-probabilities.
        """
        if self.tied and all(size == 1 for size in x.shape[:-1]):
            # One vector, as in greedy decoding: XLA takes 20 times as long the other way round.
            logits = ops.matmul(table, ops.reshape(x, (-1, 1)))  # (vocab_size, 1)
            logits = ops.reshape(logits, (*x.shape[:-1], -1))
        else:
            # (d_model, vocab_size)
            kernel = ops.transpose(table) if self.tied else self.kernel
            logits = ops.matmul(x, kernel)  # (..., vocab_size)
        # In place where a tensor can change: no other tensor of the model is as large as this one.
        logits += ops.convert_to_tensor(self.bias)
        return ops.log_softmax(ops.cast(logits, "float32"), axis=-1)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {
            "d_model": self.d_model,
            "vocab_size": self.vocab_size,
            "tied": self.tied,
        }
        return {**super().get_config(), **own}
