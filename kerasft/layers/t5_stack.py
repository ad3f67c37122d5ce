"""What T5's encoder and decoder have in common: their parts in place of the Transformer's."""

from typing import Any, ClassVar

import keras

from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.root_mean_square_normalization import RootMeanSquareNormalization
from kerasft.layers.stack import Block, Stack
from kerasft.layers.t5_attention import T5Attention
from kerasft.layers.t5_feed_forward import T5FeedForward


class T5Block(Block):
    """A block of T5's parts (Raffel et al. 2020, section 2.1).

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_kv: Width of a head.
        d_ff: Width inside the feed-forward layer.
        activation: Of the feed-forward layer, see `T5FeedForward`.
        gated: Whether the feed-forward layer has a gate.
        dropout: Dropout wherever T5 has it.
        epsilon: Of the normalizations.
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
        # Not Block's own, which would make the Transformer's parts.
        keras.layers.Layer.__init__(self, **options)
        self.settings = {
            "d_model": d_model,
            "heads": heads,
            "d_kv": d_kv,
            "d_ff": d_ff,
            "activation": activation,
            "gated": gated,
            "dropout": dropout,
            "epsilon": epsilon,
        }
        for name in self.attentions:
            attention = T5Attention(d_model, heads, d_kv, dropout, name=name)
            attention.positions_in_mask = name == "self_attention"  # the source has none
            setattr(self, name, attention)
        self.feed_forward = T5FeedForward(
            d_model, d_ff, activation, gated, dropout, name="feed_forward"
        )
        for name in self.sublayers:
            # Normalized by the root mean square before the sublayer.
            norm = RootMeanSquareNormalization(epsilon, name="norm")
            residual = ResidualConnection(dropout, norm=norm, name=f"{name}_residual")
            setattr(self, residual.name, residual)


class T5Stack(Stack):
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

    Attributes:
        bidirectional: Whether a position sees those after it (of the class).
    """

    bidirectional: ClassVar[bool]
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
        self.blocks = [self.block(*parts, name=f"block_{index}") for index in range(layers)]
        self.settings = {
            "layers": layers,
            **self.blocks[0].settings,
            "buckets": buckets,
            "max_distance": max_distance,
        }
        self.positions = RelativePositionBias(
            heads,
            self.bidirectional,
            buckets,
            max_distance,
            d_model**-0.5,
            name="relative_position_bias",
        )
        self.norm = RootMeanSquareNormalization(epsilon, name="norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes all weights."""
        self.positions.build()
        super().build(x_shape)
