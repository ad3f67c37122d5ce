"""One block of encoders such as BERT."""

from typing import Any

import keras

from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.self_attention import SelfAttention


@keras.saving.register_keras_serializable(package="kerasft")
class TransformerLayer(keras.layers.Layer):
    """Self-attention, then feed-forward, each normalized behind the way around it.

        a = norm(x + dropout(attention(x)))
        y = norm(a + dropout(f(a W1 + b1) W2 + b2))         (Vaswani et al. 2017, section 3.1)

    Its parts lie side by side under the names that adapters' targets and files use:
    "self_attention_layer/query", "feedforward_intermediate_dense", ...

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width between the two maps of the feed-forward part.
        activation: f, one of `ACTIVATIONS`.
        attention_dropout: Dropout on the attention weights.
        self_attention_dropout: Dropout on what attention adds.
        feedforward_dropout: Dropout on what the feed-forward part adds.
        epsilon: Of both normalizations.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.
        attention: That of a subclass with another one, "self_attention_layer".

    Example:
        >>> TransformerLayer(d_model=16, heads=4, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        activation: str = "gelu",
        attention_dropout: float = 0.0,
        self_attention_dropout: float = 0.0,
        feedforward_dropout: float = 0.0,
        epsilon: float = 1e-12,
        initial_deviation: float = 0.02,
        attention: SelfAttention | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings: dict[str, Any] = {
            "d_model": d_model,
            "heads": heads,
            "d_ff": d_ff,
            "activation": activation,
            "attention_dropout": attention_dropout,
            "self_attention_dropout": self_attention_dropout,
            "feedforward_dropout": feedforward_dropout,
            "epsilon": epsilon,
            "initial_deviation": initial_deviation,
        }
        self.activation = ACTIVATIONS[activation]
        if attention is None:
            attention = SelfAttention(
                d_model, heads, attention_dropout, initial_deviation, name="self_attention_layer"
            )
        self.attention = attention
        self.attention_residual = _residual(
            self_attention_dropout, epsilon, "self_attention_residual"
        )
        self.inner = keras.layers.Dense(
            d_ff,
            kernel_initializer=TruncatedNormal(initial_deviation),
            name="feedforward_intermediate_dense",
        )
        self.outer = keras.layers.Dense(
            d_model,
            kernel_initializer=TruncatedNormal(initial_deviation),
            name="feedforward_output_dense",
        )
        self.feedforward_residual = _residual(feedforward_dropout, epsilon, "feedforward_residual")

    def build(self, x_shape: Any = None) -> None:
        """Makes the parts' weights."""
        width, inner = self.settings["d_model"], self.settings["d_ff"]
        for part in (self.attention, self.attention_residual, self.inner):
            part.build((None, None, width))
        self.outer.build((None, None, inner))
        self.feedforward_residual.build((None, None, width))

    def call(
        self,
        x: Any,
        attention_mask: Any = None,
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Lets each position read from all others; then maps each by itself.

        Args:
            x: (batch, length, d_model).
            attention_mask: Broadcast to (batch, heads, length, length): bool, True where a position
                may look; or float32, what is added to the scores.
            first_only: Whether to compute what becomes of position 0 alone. It reads from all; but
                queries, normalizations and the feed-forward part run on one position.

        Returns:
            (batch, length, d_model), or with `first_only` (batch, 1, d_model).
        """
        if first_only and attention_mask is not None:
            attention_mask = self.mask_of_first(attention_mask)

        def attend(y: Any) -> Any:
            asking = y[:, :1] if first_only else y
            return self.attention(asking, y, attention_mask=attention_mask, training=training)

        def feed_forward(y: Any) -> Any:
            return self.outer(self.activation(self.inner(y)))

        attended = self.attention_residual(
            x, sublayer=attend, first_only=first_only, training=training
        )
        return self.feedforward_residual(attended, sublayer=feed_forward, training=training)

    def mask_of_first(self, attention_mask: Any) -> Any:
        """What the mask says of position 0.

        Args:
            attention_mask: As in `call`.

        Returns:
            Broadcast to (batch, heads, 1, length).
        """
        return attention_mask[:, :, :1]

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}


def _residual(dropout: float, epsilon: float, name: str) -> ResidualConnection:
    norm = keras.layers.LayerNormalization(epsilon=epsilon, name="norm")
    return ResidualConnection(dropout, norm_first=False, norm=norm, name=name)
