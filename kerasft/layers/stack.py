"""What the encoder and the decoder have in common: N blocks, one upon the other."""

from typing import Any, ClassVar

import keras

from kerasft.layers.feed_forward import FeedForward
from kerasft.layers.layer_normalization import LayerNormalization
from kerasft.layers.multi_head_attention import MultiHeadAttention
from kerasft.layers.residual_connection import ResidualConnection


class Block(keras.layers.Layer):
    """Attentions, then a feed-forward layer, with a residual connection around each.

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layer.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.

    Attributes:
        attentions: The names of the attentions, in their order (of the class).
    """

    attentions: ClassVar[tuple[str, ...]]
    self_attention: Any
    self_attention_residual: Any
    feed_forward: Any
    feed_forward_residual: Any

    def __init__(
        self,
        d_model: int,
        heads: int,
        d_ff: int,
        dropout: float = 0.1,
        norm_first: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.settings: dict[str, Any] = {
            "d_model": d_model,
            "heads": heads,
            "d_ff": d_ff,
            "dropout": dropout,
            "norm_first": norm_first,
        }
        for name in self.attentions:
            setattr(self, name, MultiHeadAttention(d_model, heads, name=name))
        self.feed_forward = FeedForward(d_model, d_ff, name="feed_forward")
        for name in self.sublayers:
            residual = ResidualConnection(dropout, norm_first, name=f"{name}_residual")
            setattr(self, residual.name, residual)

    @property
    def sublayers(self) -> tuple[str, ...]:
        """The names of the sublayers, in their order."""
        return (*self.attentions, "feed_forward")

    def build(self, x_shape: Any) -> None:
        """Makes the sublayers' weights."""
        for name in self.sublayers:
            getattr(self, f"{name}_residual").build(x_shape)
            getattr(self, name).build(x_shape)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}


class Stack(keras.layers.Layer):
    """N blocks of one kind; normalized at the end where the blocks normalize first.

    (What leaves a block that normalizes last is normalized already.)

    Args:
        layers: Number of blocks, the paper's N.
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layers.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.
    """

    block: ClassVar[type[keras.layers.Layer]]

    def __init__(
        self,
        layers: int,
        d_model: int,
        heads: int,
        d_ff: int,
        dropout: float = 0.1,
        norm_first: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.blocks = [
            self.block(d_model, heads, d_ff, dropout, norm_first, name=f"block_{index}")
            for index in range(layers)
        ]
        self.settings = {"layers": layers, **self.blocks[0].settings}
        self.norm = LayerNormalization(name="norm") if norm_first else None

    def build(self, x_shape: Any) -> None:
        """Makes the blocks' weights."""
        for block in self.blocks:
            block.build(x_shape)
        if self.norm is not None:
            self.norm.build(x_shape)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}
