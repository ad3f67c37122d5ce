"""T5's stack that reads the source."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.encoder import Encoder, EncoderBlock
from kerasft.layers.masks import hide, with_earlier
from kerasft.layers.t5_stack import T5Block, T5Stack


@keras.saving.register_keras_serializable(package="kerasft")
class T5EncoderBlock(T5Block, EncoderBlock):
    """The Transformer's `EncoderBlock` of T5's parts (Raffel et al. 2020, section 2.1).

        x = x + dropout(self_attention(norm(x)))
        x = x + dropout(feed_forward(norm(x)))

    Its mask is not boolean but added to the scores, see `hide`.

    Args: those of `T5Block`.

    Example:
        >>> T5EncoderBlock(d_model=16, heads=4, d_kv=8, d_ff=64)(np.zeros((1, 5, 16)))  # (1, 5, 16)
    """


@keras.saving.register_keras_serializable(package="kerasft")
class T5Encoder(T5Stack, Encoder):
    """The relative positions, N blocks, a normalization and a dropout.

    Args: those of `T5Stack`.

    Example:
        >>> encoder = T5Encoder(layers=2, d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> encoder(x, source_mask=padding_mask(token_ids, 0))  # (batch, s, 16)
    """

    block = T5EncoderBlock
    bidirectional = True

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
        length, blocks, tables = ops.shape(x)[1], self.blocks[first:], self.tables()

        def bias(table: str, before: int) -> Any:  # (batch or 1, heads, length, before + length)
            square = tables[table].square(length, before)
            if source_mask is None:
                return square
            return hide(with_earlier(source_mask, before) if before else source_mask, square)

        biases = self.biases(blocks, bias)
        for block in blocks:
            x = block(x, source_mask=biases[block.name], training=training)
        return self.dropout(self.norm(x), training=training)
