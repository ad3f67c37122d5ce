"""T5's stack that writes the target, as a whole or token by token."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.decoder import Cache, Decoder, DecoderBlock
from kerasft.layers.masks import causal_mask, hide, with_earlier
from kerasft.layers.t5_stack import T5Block, T5Stack


@keras.saving.register_keras_serializable(package="kerasft")
class T5DecoderBlock(T5Block, DecoderBlock):
    """The Transformer's `DecoderBlock` of T5's parts (Raffel et al. 2020, section 2.1).

        x = x + dropout(self_attention(norm(x)))
        x = x + dropout(cross_attention(norm(x)) to the encoder's output)
        x = x + dropout(feed_forward(norm(x)))

    Its masks are not boolean but added to the scores, see `hide`.

    Args: those of `T5Block`.

    Example:
        >>> block = T5DecoderBlock(d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> block(target, memory, target_mask=hide(causal_mask(5)))  # (batch, 5, 16)
    """


@keras.saving.register_keras_serializable(package="kerasft")
class T5Decoder(T5Stack, Decoder):
    """The relative positions, N blocks, a normalization and a dropout.

    Args: those of `T5Stack`.

    Example:
        >>> decoder = T5Decoder(layers=2, d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> decoder(target, memory, source_mask=padding_mask(source_ids, 0))  # (batch, t, 16)
    """

    block = T5DecoderBlock
    bidirectional = False

    def call(
        self,
        x: Any,
        memory: Any,
        source_mask: Any = None,
        target_mask: Any = None,
        return_scores: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Runs the blocks; no position sees those after it.

        Args:
            x: (batch, t, d_model).
            memory: The encoder's output, (batch, s, d_model).
            source_mask: bool, broadcast to (batch, heads, t, s).
            target_mask: bool, broadcast to (batch, heads, t, t): what is hidden besides.
            return_scores: Whether to return the last block's scores as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        length = ops.shape(x)[1]
        visible = causal_mask(length)
        if target_mask is not None:
            visible = ops.logical_and(visible, target_mask)
        x, scores = super().call(
            x,
            memory,
            source_mask=None if source_mask is None else hide(source_mask),
            target_mask={
                before: hide(
                    with_earlier(visible, before) if before else visible,
                    self.positions.square(length, before),
                )
                for before in self.prefix_lengths
            },
            return_scores=True,
            training=training,
        )
        x = self.dropout(x, training=training)
        return (x, scores) if return_scores else x

    @property
    def prefix_lengths(self) -> set[int]:
        """How many keys stand before a target's own: 0, or what an adapter puts into a block."""
        return {block.self_attention.prefix_length for block in self.blocks}

    def mask_of(self, block: Any, target_mask: dict[int, Any]) -> Any:
        """The bias for the number of keys that stand before the target's own in a block."""
        return target_mask[block.self_attention.prefix_length]

    def start_positions(self, length: int, beams: int) -> dict[str, Any]:
        """What `bias_at` needs, computed once: a step's bias is a slice of it.

        Args:
            length: Most positions that will be decoded.
            beams: Targets that are followed for each source.

        Returns:
            "slots", (heads, (2 * length - 1) * beams): for each slot before and after a query's
            position. Those after it do not count: they are hidden.
            "prefix", (heads, length - 1 + most keys of a prefix): for what stands before slot 0.
        """
        most = max(self.prefix_lengths)
        bias = ops.flip(self.positions.behind(length + most), axis=1)  # from far to near
        behind = bias[:, most:]  # (heads, length)
        ahead = ops.zeros_like(behind)[:, 1:]
        slots = ops.repeat(ops.concatenate([behind, ahead], axis=1), beams, axis=1)
        return {"slots": slots, "prefix": bias[:, :-1]}

    def bias_at(self, positions: dict[str, Any], visible: Any, position: Any) -> dict[int, Any]:
        """What is added to the scores of one position's queries.

        Args:
            positions: From `start_positions`.
            visible: (batch or 1, beams, length * beams) bool, the slots that each beam looks at.
            position: Scalar int, below length.

        Returns:
            (batch or 1, heads, beams, before + length * beams) float32, for each number of keys
            that stand before the target's own.
        """
        beams, slots = visible.shape[1], visible.shape[2]
        heads = positions["slots"].shape[0]
        first = slots - (position + 1) * beams  # (length - 1 - position) * beams
        bias = ops.slice(positions["slots"], (0, first), (heads, slots))  # (heads, slots)
        own = hide(visible[:, None], bias[None, :, None])  # (batch or 1, heads, beams, slots)
        biases = {}
        for before in self.prefix_lengths:
            biases[before] = own
            if before:
                first = positions["prefix"].shape[1] - before - position
                near = ops.slice(positions["prefix"], (0, first), (heads, before))
                earlier = ops.zeros_like(own[..., :1]) + near[None, :, None]
                biases[before] = ops.concatenate([earlier, own], axis=-1)
        return biases

    def step(
        self, x: Any, caches: list[Cache], source_mask: Any, visible: Any, slot: Any
    ) -> tuple[Any, list[Cache]]:
        """Runs one more token of each beam through the blocks, see `DecoderBlock.step`.

        Args:
            x: (batch, beams, d_model).
            caches: As `start` or the last step left them.
            source_mask: float32, broadcast to (batch, heads, beams, s), see `hide`.
            visible: From `bias_at`.
            slot: Scalar int, where the caches take up the first of the new tokens.

        Returns:
            (batch, beams, d_model) and the caches with the new tokens in them.
        """
        return super().step(x, caches, source_mask, visible, slot)
