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
        length, tables = ops.shape(x)[1], self.tables()
        visible = causal_mask(length)
        if target_mask is not None:
            visible = ops.logical_and(visible, target_mask)

        def bias(table: str, before: int) -> Any:
            seen = with_earlier(visible, before) if before else visible
            return hide(seen, tables[table].square(length, before))

        x, scores = super().call(
            x,
            memory,
            source_mask=None if source_mask is None else hide(source_mask),
            target_mask=self.biases(self.blocks, bias),
            return_scores=True,
            training=training,
        )
        x = self.dropout(x, training=training)
        return (x, scores) if return_scores else x

    def mask_of(self, block: Any, target_mask: dict[str, Any]) -> Any:
        """The bias of a block, from `biases`."""
        return target_mask[block.name]

    def start_positions(self, length: int, beams: int) -> dict[str, dict[str, Any]]:
        """What `bias_at` needs, computed once: a step's bias is a slice of it.

        Args:
            length: Most positions that will be decoded.
            beams: Targets that are followed for each source.

        Returns:
            For each key of `tables`:
            "slots", (heads, (2 * length - 1) * beams): for each slot before and after a query's
            position. Those after it do not count: they are hidden.
            "prefix", (heads, length - 1 + most keys of a prefix): for what stands before slot 0.
        """
        most = max(block.self_attention.prefix_length for block in self.blocks)
        starts = {}
        for name, positions in self.tables().items():
            bias = ops.flip(positions.behind(length + most), axis=1)  # from far to near
            behind = bias[:, most:]  # (heads, length)
            ahead = ops.zeros_like(behind)[:, 1:]
            slots = ops.repeat(ops.concatenate([behind, ahead], axis=1), beams, axis=1)
            starts[name] = {"slots": slots, "prefix": bias[:, :-1]}
        return starts

    def bias_at(
        self, positions: dict[str, dict[str, Any]], visible: Any, position: Any
    ) -> dict[str, Any]:
        """What is added to the scores of one position's queries.

        Args:
            positions: From `start_positions`.
            visible: (batch or 1, beams, length * beams) bool, the slots that each beam looks at.
            position: Scalar int, below length.

        Returns:
            By the block's name, (batch or 1, heads, beams, before + length * beams) float32, with
            the keys before the target's own.
        """
        beams, slots = visible.shape[1], visible.shape[2]

        def bias(table: str, before: int) -> Any:
            behind, prefix = positions[table]["slots"], positions[table]["prefix"]
            heads = behind.shape[0]
            first = slots - (position + 1) * beams  # (length - 1 - position) * beams
            near = ops.slice(behind, (0, first), (heads, slots))  # (heads, slots)
            own = hide(visible[:, None], near[None, :, None])  # (batch or 1, heads, beams, slots)
            if not before:
                return own
            first = prefix.shape[1] - before - position
            near = ops.slice(prefix, (0, first), (heads, before))
            earlier = ops.zeros_like(own[..., :1]) + near[None, :, None]
            return ops.concatenate([earlier, own], axis=-1)

        return self.biases(self.blocks, bias)

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
