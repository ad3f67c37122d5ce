"""What T5's encoder and decoder have in common: their parts in place of the Transformer's."""

from collections.abc import Callable, Mapping, Sequence
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
        positions: Settings of a `RelativePositionBias` of its own; None where its stack has one.
        initializer_factor: The matrices' random start is multiplied by it; 0 for none.
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
        positions: Mapping[str, Any] | None = None,
        initializer_factor: float = 1.0,
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
            "positions": positions,
            "initializer_factor": initializer_factor,
        }
        self.positions: RelativePositionBias | None = None
        if positions is not None:
            self.positions = RelativePositionBias(**positions, name="relative_position_bias")
        for name in self.attentions:
            attention = T5Attention(d_model, heads, d_kv, dropout, initializer_factor, name=name)
            attention.positions_in_mask = name == "self_attention"  # the source has none
            setattr(self, name, attention)
        self.feed_forward = T5FeedForward(
            d_model, d_ff, activation, gated, dropout, initializer_factor, name="feed_forward"
        )
        for name in self.sublayers:
            # Normalized by the root mean square before the sublayer.
            norm = RootMeanSquareNormalization(epsilon, name="norm")
            residual = ResidualConnection(dropout, norm=norm, name=f"{name}_residual")
            setattr(self, residual.name, residual)

    def build(self, x_shape: Any) -> None:
        """Makes all weights."""
        if self.positions is not None:
            self.positions.build()
        super().build(x_shape)


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
        bias_per_block: Whether each block has relative positions of its own, as in umT5
            (Chung et al. 2023, "UniMax").
        initializer_factor: The matrices' random start is multiplied by it; 0 for none.

    Attributes:
        bidirectional: Whether a position sees those after it (of the class).
        positions: The relative positions of all blocks; None where each has its own.
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
        bias_per_block: bool = False,
        initializer_factor: float = 1.0,
        **options: Any,
    ) -> None:
        # Not Stack's own, which would make other blocks.
        keras.layers.Layer.__init__(self, **options)
        positions = {
            "heads": heads,
            "bidirectional": self.bidirectional,
            "buckets": buckets,
            "max_distance": max_distance,
            "initial_deviation": initializer_factor * d_model**-0.5,
        }
        parts = (d_model, heads, d_kv, d_ff, activation, gated, dropout, epsilon)
        more = {
            "positions": positions if bias_per_block else None,
            "initializer_factor": initializer_factor,
        }
        self.blocks = [self.block(*parts, **more, name=f"block_{index}") for index in range(layers)]
        of_blocks = {k: v for k, v in self.blocks[0].settings.items() if k != "positions"}
        self.settings = {
            "layers": layers,
            **of_blocks,
            "buckets": buckets,
            "max_distance": max_distance,
            "bias_per_block": bias_per_block,
        }
        self.positions: RelativePositionBias | None = None
        if not bias_per_block:
            self.positions = RelativePositionBias(**positions, name="relative_position_bias")
        self.norm = RootMeanSquareNormalization(epsilon, name="norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes all weights."""
        if self.positions is not None:
            self.positions.build()
        super().build(x_shape)

    def tables(self) -> dict[str, RelativePositionBias]:
        """The relative positions by the block that has them; "" stands for all blocks."""
        if self.positions is not None:
            return {"": self.positions}
        return {block.name: block.positions for block in self.blocks}

    def biases(self, blocks: Sequence[Any], make: Callable[[str, int], Any]) -> dict[str, Any]:
        """What is added to the scores in each block, made once for those that share it.

        Args:
            blocks: Some of the stack's.
            make: A key of `tables`, and how many keys stand before a text's own (0, or what an
                adapter puts into a block) -> the bias.

        Returns:
            The bias by the block's name.
        """
        made: dict[tuple[str, int], Any] = {}
        biases = {}
        for block in blocks:
            key = (
                block.name if self.positions is None else "",
                block.self_attention.prefix_length,
            )
            if key not in made:
                made[key] = make(*key)
            biases[block.name] = made[key]
        return biases
