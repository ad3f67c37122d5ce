"""Token ids to vectors."""

import math
from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="kerasft")
class InputEmbedding(keras.layers.Layer):
    """A learned vector for each token, scaled (Vaswani et al. 2017, section 3.4).

        y = E[token] * sqrt(d_model)

    The scale lifts the small values of the table's start to the size of the positional encodings
    that are added next.

    Args:
        vocab_size: Rows of the table.
        d_model: Width of the vectors.

    Attributes:
        embeddings: The table E, (vocab_size, d_model), which a tied `Projection` shares.

    Example:
        >>> InputEmbedding(vocab_size=100, d_model=16)(np.array([[5, 6]]))  # (1, 2, 16)
    """

    def __init__(self, vocab_size: int, d_model: int, **options: Any) -> None:
        super().__init__(**options)
        self.vocab_size = vocab_size
        self.d_model = d_model

    def build(self, input_shape: Any = None) -> None:
        """Makes the table."""
        self.embeddings = self.add_weight(
            name="embeddings",
            shape=(self.vocab_size, self.d_model),
            initializer="glorot_uniform",
        )

    def call(self, token_ids: Any) -> Any:
        """Looks the tokens up.

        Args:
            token_ids: (batch, length) int, each below vocab_size.

        Returns:
            (batch, length, d_model).
        """
        return ops.take(self.embeddings, token_ids, axis=0) * math.sqrt(self.d_model)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        own = {"vocab_size": self.vocab_size, "d_model": self.d_model}
        return {**super().get_config(), **own}
