"""The stack that writes the target, as a whole or token by token."""

from typing import Any, ClassVar

import keras
from keras import ops

from kerasft import backends
from kerasft.layers.stack import Block, Stack

Cache = dict[str, Any]
"""What one block remembers of one batch while it decodes.

    keys, values                 of the targets so far, (batch, heads, slots, d_k)
    source_keys, source_values   of the encoder's output, (batch, heads, s, d_k)

A slot is a place for one token of one beam; a mask says which slots a beam may look at.
"""


@keras.saving.register_keras_serializable(package="kerasft")
class DecoderBlock(Block):
    """Self-attention, attention to the source, feed-forward (Vaswani et al. 2017, section 3.1).

        x = residual(x, self_attention)
        x = residual(x, cross_attention to the encoder's output)
        x = residual(x, feed_forward)

    Args:
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layer.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.

    Example:
        >>> block = DecoderBlock(d_model=16, heads=4, d_ff=64)
        >>> block(target, memory, target_mask=causal_mask(5))  # (batch, 5, 16)
    """

    attentions = ("self_attention", "cross_attention")
    cross_attention: Any
    cross_attention_residual: Any

    def call(
        self,
        x: Any,
        memory: Any,
        source_mask: Any = None,
        target_mask: Any = None,
        return_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Attends to the target so far and to the source, then applies the feed-forward layer.

        Args:
            x: (batch, t, d_model).
            memory: The encoder's output, (batch, s, d_model).
            source_mask: bool, broadcast to (batch, heads, t, s).
            target_mask: bool, broadcast to (batch, heads, t, t).
            return_scores: Whether to return the scores of the attention to the source as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        scores = None

        def attend_to_target(y: Any) -> Any:
            return self.self_attention(y, y, y, attention_mask=target_mask)

        def attend_to_source(y: Any) -> Any:
            nonlocal scores
            y, scores = self.cross_attention(
                y, memory, memory, attention_mask=source_mask, return_scores=True
            )
            return y

        x = self.self_attention_residual(x, sublayer=attend_to_target, training=training)
        x = self.cross_attention_residual(x, sublayer=attend_to_source, training=training)
        x = self.feed_forward_residual(x, sublayer=self.feed_forward, training=training)
        return (x, scores) if return_scores else x

    def start(self, memory: Any, slots: int) -> Cache:
        """An empty cache: the source's keys and values, and room for the targets'.

        Args:
            memory: (batch, s, d_model).
            slots: Most tokens that will be decoded for one source.
        """
        source_keys, source_values = self.cross_attention.keys_and_values(memory)
        attention = self.self_attention
        room = (ops.shape(memory)[0], attention.heads, slots, attention.d_k)
        return {
            "keys": ops.zeros(room, dtype=source_keys.dtype),
            "values": ops.zeros(room, dtype=source_keys.dtype),
            "source_keys": source_keys,
            "source_values": source_values,
        }

    def step(
        self, x: Any, cache: Cache, source_mask: Any, visible: Any, slot: Any
    ) -> tuple[Any, Cache]:
        """`call` for one more token of each beam, with all earlier ones in the cache.

        The sublayers' `call` is used directly: without compiling, Keras's overhead for each layer
        call costs more than the arithmetic on one token.

        Args:
            x: (batch, beams, d_model).
            cache: As `start` or the last step returned it; it may be overwritten.
            source_mask: bool, broadcast to (batch, heads, beams, s).
            visible: bool, broadcast to (batch, heads, beams, slots).
            slot: Scalar int, where the cache puts the first of the new tokens.

        Returns:
            (batch, beams, d_model) and the cache with the new tokens in it.
        """
        write = backends.current().write

        def attend_to_target(y: Any) -> Any:
            nonlocal cache
            key, value = self.self_attention.keys_and_values(y)  # (batch, heads, beams, d_k)
            keys = write(cache["keys"], (0, 0, slot, 0), key)
            values = write(cache["values"], (0, 0, slot, 0), value)
            cache = {**cache, "keys": keys, "values": values}
            return self.self_attention.step(y, keys, values, visible)

        def attend_to_source(y: Any) -> Any:
            return self.cross_attention.step(
                y, cache["source_keys"], cache["source_values"], source_mask
            )

        x = self.self_attention_residual.step(x, attend_to_target)
        x = self.cross_attention_residual.step(x, attend_to_source)
        x = self.feed_forward_residual.step(x, self.feed_forward.step)
        return x, cache


@keras.saving.register_keras_serializable(package="kerasft")
class Decoder(Stack):
    """N blocks; normalized at the end where the blocks normalize first (see `Encoder`).

    Args:
        layers: Number of blocks, the paper's N.
        d_model: Width of the vectors.
        heads: Attention heads.
        d_ff: Width inside the feed-forward layers.
        dropout: Dropout of the residual connections.
        norm_first: Where they normalize, see `ResidualConnection`.

    Example:
        >>> decoder = Decoder(layers=2, d_model=16, heads=4, d_ff=64)
        >>> decoder(target, memory, target_mask=causal_mask(5))  # (batch, 5, 16)
    """

    block: ClassVar[type[Any]] = DecoderBlock

    def call(
        self,
        x: Any,
        memory: Any,
        source_mask: Any = None,
        target_mask: Any = None,
        return_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Runs the blocks.

        Args:
            x: (batch, t, d_model).
            memory: The encoder's output, (batch, s, d_model).
            source_mask: bool, broadcast to (batch, heads, t, s).
            target_mask: bool, broadcast to (batch, heads, t, t).
            return_scores: Whether to return the last block's scores as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        scores = None
        for block in self.blocks:
            x, scores = block(
                x,
                memory,
                source_mask=source_mask,
                target_mask=self.mask_of(block, target_mask),
                return_scores=True,
                training=training,
            )
        if self.norm is not None:
            x = self.norm(x)
        return (x, scores) if return_scores else x

    def mask_of(self, block: Any, target_mask: Any) -> Any:
        """What one of the blocks may look at of the target: what all may."""
        return target_mask

    def start(self, memory: Any, slots: int) -> list[Cache]:
        """One empty cache a block, see `DecoderBlock.start`.

        Args:
            memory: (batch, s, d_model).
            slots: Most tokens that will be decoded for one source.
        """
        return [block.start(memory, slots) for block in self.blocks]

    def step(
        self, x: Any, caches: list[Cache], source_mask: Any, visible: Any, slot: Any
    ) -> tuple[Any, list[Cache]]:
        """Runs one more token of each beam through the blocks, see `DecoderBlock.step`.

        Args:
            x: (batch, beams, d_model).
            caches: As `start` or the last step returned them.
            source_mask: bool, broadcast to (batch, heads, beams, s).
            visible: bool, broadcast to (batch, heads, beams, slots).
            slot: Scalar int, where the caches put the first of the new tokens.

        Returns:
            (batch, beams, d_model) and the caches with the new tokens in them.
        """
        filled = []
        for block, cache in zip(self.blocks, caches, strict=True):
            x, cache = block.step(x, cache, source_mask, self.mask_of(block, visible), slot)
            filled.append(cache)
        return x if self.norm is None else self.norm.call(x), filled
