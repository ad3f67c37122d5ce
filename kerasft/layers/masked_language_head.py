"""What says which tokens stood at hidden positions."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.initializers import TruncatedNormal


@keras.saving.register_keras_serializable(package="kerasft")
class MaskedLanguageHead(keras.layers.Layer):
    """A linear map, a normalization, and a score for each token of the vocabulary.

        y = norm(f(x W + b)) E^T + c          (Devlin et al. 2019, section 3.1)

    E is the table of token embeddings, which the caller passes (Press and Wolf 2017). Only the
    hidden positions pass through, which saves most of the work.

    Args:
        vocab_size: Rows of E.
        d_model: Width of the vectors x.
        activation: f, one of `ACTIVATIONS`.
        epsilon: Of the normalization.
        table_width: Width of the vectors in E; that of x by default.

    Example:
        >>> head = MaskedLanguageHead(vocab_size=100, d_model=16)
        >>> head(hidden, positions, table=embedding.embeddings)  # (batch, predictions, 100)
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        table_width: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.table_width = table_width or d_model
        self.settings = {
            "vocab_size": vocab_size,
            "d_model": d_model,
            "activation": activation,
            "epsilon": epsilon,
            "table_width": self.table_width,
        }
        self.activation = ACTIVATIONS[activation]
        self.vocab_size = vocab_size
        self.dense = keras.layers.Dense(
            self.table_width,
            kernel_initializer=TruncatedNormal(0.02),
            name="intermediate_dense",
        )
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="intermediate_layer_norm")

    def build(self, x_shape: Any = None) -> None:
        """Makes its weights."""
        self.dense.build((None, None, self.settings["d_model"]))
        self.norm.build((None, None, self.table_width))
        self.bias = self.add_weight(
            name="output_bias", shape=(self.vocab_size,), initializer="zeros"
        )

    def call(self, x: Any, positions: Any, table: Any) -> Any:
        """Scores the tokens that may stand at some positions.

        Args:
            x: (batch, length, d_model).
            positions: (batch, predictions) int32, which of the length are asked.
            table: (vocab_size, table_width), the token embeddings.

        Returns:
            (batch, predictions, vocab_size) logits.
        """
        x = ops.take_along_axis(x, positions[..., None], axis=1)  # (batch, predictions, d_model)
        x = self.norm(self.activation(self.dense(x)))
        return ops.matmul(x, ops.transpose(table)) + self.bias

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}
