"""T5's stack that reads the source."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.encoder import Encoder, EncoderBlock
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.root_mean_square_normalization import RootMeanSquareNormalization
from kerasft.layers.t5_attention import T5Attention, hide
from kerasft.layers.t5_feed_forward import T5FeedForward


@keras.saving.register_keras_serializable(package="kerasft")
class T5EncoderBlock(EncoderBlock):
    """The Transformer's `EncoderBlock` of T5's parts (Raffel et al. 2020, section 2.1).

        x = x + dropout(self_attention(norm(x)))
        x = x + dropout(feed_forward(norm(x)))

    Its mask is not boolean but added to the scores, see `hide`.

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_kv: Width of a head.
        d_ff: Width inside the feed-forward layer.
        activation: Of the feed-forward layer, see `T5FeedForward`.
        gated: Whether the feed-forward layer has a gate.
        dropout: Dropout wherever T5 has it.
        epsilon: Of the normalizations.

    Example:
        >>> T5EncoderBlock(d_model=16, heads=4, d_kv=8, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_kv: int,
        d_ff: int,
        activation: str = "relu",
        gated: bool = False,
        dropout: float = 0.1,
        epsilon: float = 1e-6,
        **options: Any,
    ) -> None:
        # Not EncoderBlock's own, which would make its parts.
        keras.layers.Layer.__init__(self, **options)
        self.settings: dict[str, Any] = {
            "d_model": d_model,
            "heads": heads,
            "d_kv": d_kv,
            "d_ff": d_ff,
            "activation": activation,
            "gated": gated,
            "dropout": dropout,
            "epsilon": epsilon,
        }
        self.self_attention = T5Attention(d_model, heads, d_kv, dropout, name="self_attention")
        self.feed_forward = T5FeedForward(
            d_model, d_ff, activation, gated, dropout, name="feed_forward"
        )
        self.self_attention_residual = t5_residual(dropout, epsilon, "self_attention_residual")
        self.feed_forward_residual = t5_residual(dropout, epsilon, "feed_forward_residual")


@keras.saving.register_keras_serializable(package="kerasft")
class T5Encoder(Encoder):
    """The relative positions, N blocks, a normalization and a dropout.

    Args:
        layers: Number of blocks.
        d_model: Width of the vectors.
        heads: Attention heads.
        d_kv: Width of a head.
        d_ff: Width inside the feed-forward layers.
        activation: Of the feed-forward layers, see `T5FeedForward`.
        gated: Whether the feed-forward layers have a gate.
        dropout: Dropout wherever T5 has it.
        epsilon: Of the normalizations.
        buckets: Buckets of relative positions.
        max_distance: From which distance on all is one bucket.

    Example:
        >>> encoder = T5Encoder(layers=2, d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> encoder(x, source_mask=padding_mask(token_ids, 0))  # (batch, s, 16)
    """

    norm: Any  # never None here

    def __init__(
        self,
        layers: int,
        d_model: int,
        heads: int,
        d_kv: int,
        d_ff: int,
        activation: str = "relu",
        gated: bool = False,
        dropout: float = 0.1,
        epsilon: float = 1e-6,
        buckets: int = 32,
        max_distance: int = 128,
        **options: Any,
    ) -> None:
        # Not Stack's own, which would make other blocks.
        keras.layers.Layer.__init__(self, **options)
        parts = (d_model, heads, d_kv, d_ff, activation, gated, dropout, epsilon)
        self.blocks = [T5EncoderBlock(*parts, name=f"block_{index}") for index in range(layers)]
        self.settings = {
            "layers": layers,
            **self.blocks[0].settings,
            "buckets": buckets,
            "max_distance": max_distance,
        }
        self.positions = RelativePositionBias(
            heads, True, buckets, max_distance, d_model**-0.5, name="relative_position_bias"
        )
        self.norm = RootMeanSquareNormalization(epsilon, name="norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes all weights."""
        self.positions.build()
        super().build(x_shape)

    def call(self, x: Any, source_mask: Any = None, training: bool | None = None) -> Any:
        """Runs the blocks.

        Args:
            x: (batch, length, d_model).
            source_mask: bool, broadcast to (batch, 1, length, length).

        Returns:
            (batch, length, d_model).
        """
        return self.call_from(0, x, source_mask, training)

    def call_from(
        self, first: int, x: Any, source_mask: Any = None, training: bool | None = None
    ) -> Any:
        """Runs the blocks from one of them on, given the output of those below.

        Args:
            first: The block that runs first, from 0.
            x: (batch, length, d_model), its input.
            source_mask: As in `call`.

        Returns:
            (batch, length, d_model).
        """
        bias = self.bias(ops.shape(x)[1], source_mask)
        for block in self.blocks[first:]:
            x = block(x, source_mask=bias, training=training)
        return self.dropout(self.norm(x), training=training)

    def bias(self, length: Any, source_mask: Any = None) -> Any:
        """The bias added to the scores in every block.

        Args:
            length: Number of positions.
            source_mask: As in `call`.

        Returns:
            (batch or 1, heads, length, length).
        """
        bias = self.positions.square(length)
        return bias if source_mask is None else hide(source_mask, bias)


def t5_residual(dropout: float, epsilon: float, name: str) -> ResidualConnection:
    """T5's residual connection: normalized by the root mean square before the sublayer."""
    norm = RootMeanSquareNormalization(epsilon, name="norm")
    return ResidualConnection(dropout, norm=norm, name=name)
