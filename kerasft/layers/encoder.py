"""The stack that reads the source."""

from typing import Any, ClassVar

import keras

from kerasft.layers.stack import Block, Stack


@keras.saving.register_keras_serializable(package="kerasft")
class EncoderBlock(Block):
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

    attentions = ("self_attention",)

    def call(self, x: Any, source_mask: Any = None, training: bool | None = None) -> Any:
        """Lets each position read from all others; then maps each by itself.

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

    block: ClassVar[type[Any]] = EncoderBlock

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
