"""The stack that reads the source."""

from typing import Any

import keras

from kerasft.layers.feed_forward import FeedForward
from kerasft.layers.multi_head_attention import MultiHeadAttention
from kerasft.layers.residual_connection import ResidualConnection
from kerasft.layers.stack import Stack


@keras.saving.register_keras_serializable(package="kerasft")
class EncoderBlock(keras.layers.Layer):
    """Self-attention, then feed-forward (Vaswani et al. 2017, section 3.1).

        x = residual(x, self_attention)
        x = residual(x, feed_forward)

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layer.
        dropout: Dropout of both residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.

    Example:
        >>> EncoderBlock(d_model=16, heads=4, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

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
        self.settings = {
            "d_model": d_model,
            "heads": heads,
            "d_ff": d_ff,
            "dropout": dropout,
            "norm_first": norm_first,
        }
        self.self_attention = MultiHeadAttention(d_model, heads, name="self_attention")
        self.feed_forward = FeedForward(d_model, d_ff, name="feed_forward")
        self.self_attention_residual = ResidualConnection(
            dropout, norm_first, name="self_attention_residual"
        )
        self.feed_forward_residual = ResidualConnection(
            dropout, norm_first, name="feed_forward_residual"
        )

    def build(self, x_shape: Any) -> None:
        """Makes the sublayers' weights."""
        self.self_attention_residual.build(x_shape)
        self.self_attention.build(x_shape)
        self.feed_forward_residual.build(x_shape)
        self.feed_forward.build(x_shape)

    def call(self, x: Any, source_mask: Any = None, training: bool | None = None) -> Any:
        """Lets each position read from all others, then think by itself.

        Args:
            x: (batch, length, d_model).
            source_mask: bool, broadcast to (batch, heads, length, length).

        Returns:
            (batch, length, d_model).
        """

        def attend(y: Any) -> Any:
            return self.self_attention(y, y, y, attention_mask=source_mask)

        x = self.self_attention_residual(x, sublayer=attend, training=training)
        return self.feed_forward_residual(x, sublayer=self.feed_forward, training=training)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the layer again."""
        return {**super().get_config(), **self.settings}


@keras.saving.register_keras_serializable(package="kerasft")
class Encoder(Stack):
    """N blocks; normalized at the end where the blocks normalize first.

    (What leaves a block that normalizes last is normalized already.)

    Args:
        layers: Number of blocks, the paper's N.
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layers.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.

    Example:
        >>> Encoder(layers=2, d_model=16, heads=4, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """

    block = EncoderBlock

    def call(self, x: Any, source_mask: Any = None, training: bool | None = None) -> Any:
        """Runs the blocks.

        Args:
            x: (batch, length, d_model).
            source_mask: bool, broadcast to (batch, heads, length, length).

        Returns:
            (batch, length, d_model).
        """
        for block in self.blocks:
            x = block(x, source_mask=source_mask, training=training)
        return x if self.norm is None else self.norm(x)
