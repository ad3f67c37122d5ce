"""One block of encoders whose positions are turns and whose feed-forward part has a gate."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasft.layers.activations import ACTIVATIONS
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.rotary_attention import RotaryAttention


@keras.saving.register_keras_serializable(package="kerasft")
class RotaryTransformerLayer(keras.layers.Layer):
    """Rotary self-attention, then a gated feed-forward part, each normalized before.

        a    = x + dropout(attention(norm(x)))
        u, g = the halves of norm(a) W1
        y    = a + dropout(f(u) * g) W2                     (Warner et al. 2024, section 2.1)

    The gate is Shazeer's (2020, "GLU Variants Improve Transformer"). The first block of a stack
    may find its input normalized already, and the last one normalizes what it puts out.

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width between the two maps of the feed-forward part.
        activation: f, one of `ACTIVATIONS`.
        scope: What the attention sees: "global" or "local", the name of its part of `places`.
        attention_dropout: Dropout on the attention weights and on what attention adds.
        feedforward_dropout: Dropout between the two maps.
        epsilon: Of the normalizations.
        attention_bias: Whether attention's matrices have biases.
        feedforward_bias: Whether the feed-forward part's have.
        norm_bias: Whether the normalizations shift.
        norm_attention: Whether attention's input is normalized.
        norm_output: Whether the output is.
        initial_deviation: Standard deviation of the matrices' random start; 0 for none.
        output_deviation: That of the matrices whose product is added.

    Example:
        >>> block = RotaryTransformerLayer(d_model=16, heads=4, d_ff=24, scope="global")
        >>> block(x, {"global": {"rotation": rotation_table(5, 4, 1e4), "mask": mask}})
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        activation: str = "gelu",
        scope: str = "global",
        attention_dropout: float = 0.0,
        feedforward_dropout: float = 0.0,
        epsilon: float = 1e-5,
        attention_bias: bool = False,
        feedforward_bias: bool = False,
        norm_bias: bool = False,
        norm_attention: bool = True,
        norm_output: bool = False,
        initial_deviation: float = 0.02,
        output_deviation: float = 0.02,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings: dict[str, Any] = {
            "d_model": d_model,
            "heads": heads,
            "d_ff": d_ff,
            "activation": activation,
            "scope": scope,
            "attention_dropout": attention_dropout,
            "feedforward_dropout": feedforward_dropout,
            "epsilon": epsilon,
            "attention_bias": attention_bias,
            "feedforward_bias": feedforward_bias,
            "norm_bias": norm_bias,
            "norm_attention": norm_attention,
            "norm_output": norm_output,
            "initial_deviation": initial_deviation,
            "output_deviation": output_deviation,
        }

        def norm(name: str = "norm") -> keras.layers.Layer:
            return keras.layers.LayerNormalization(epsilon=epsilon, center=norm_bias, name=name)

        self.scope = scope
        self.activation = ACTIVATIONS[activation]
        self.attention = RotaryAttention(
            d_model,
            heads,
            attention_dropout,
            attention_bias,
            initial_deviation,
            output_deviation,
            name="self_attention_layer",
        )
        self.attention_residual = ResidualConnection(
            attention_dropout,
            norm=norm() if norm_attention else keras.layers.Identity(name="norm"),
            name="self_attention_residual",
        )
        self.inner = keras.layers.Dense(
            2 * d_ff,
            use_bias=feedforward_bias,
            kernel_initializer=TruncatedNormal(initial_deviation),
            name="feedforward_intermediate_dense",
        )
        self.outer = keras.layers.Dense(
            d_model,
            use_bias=feedforward_bias,
            kernel_initializer=TruncatedNormal(output_deviation),
            name="feedforward_output_dense",
        )
        self.dropout = keras.layers.Dropout(feedforward_dropout, name="dropout")
        self.feedforward_residual = ResidualConnection(norm=norm(), name="feedforward_residual")
        self.norm = norm("output_norm") if norm_output else None

    def build(self, x_shape: Any = None) -> None:
        """Makes the parts' weights."""
        width, inner = self.settings["d_model"], self.settings["d_ff"]
        for part in (self.attention, self.attention_residual, self.inner):
            part.build((None, None, width))
        self.outer.build((None, None, inner))
        self.feedforward_residual.build((None, None, width))
        if self.norm is not None:
            self.norm.build((None, None, width))

    def call(
        self,
        x: Any,
        places: Mapping[str, Mapping[str, Any]],
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Lets each position read from those that it sees; then maps each by itself.

        Args:
            x: (batch, length, d_model).
            places: By scope: "rotation" (2, length, d_model / heads / 2), see `rotation_table`, and
                "mask", bool, broadcast to (batch, heads, length, length).
            first_only: Whether to compute what becomes of position 0 alone.

        Returns:
            (batch, length, d_model), or with `first_only` (batch, 1, d_model).
        """
        own = places[self.scope]

        def attend(y: Any) -> Any:
            return self.attention(
                y,
                own["rotation"],
                attention_mask=own["mask"],
                first_only=first_only,
                training=training,
            )

        def feed_forward(y: Any) -> Any:
            active, gate = ops.split(self.inner(y), 2, axis=-1)
            return self.outer(self.dropout(self.activation(active) * gate, training=training))

        x = self.attention_residual(x, sublayer=attend, first_only=first_only, training=training)
        x = self.feedforward_residual(x, sublayer=feed_forward, training=training)
        return x if self.norm is None else self.norm(x)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}
