"""T5's stack that writes the target, as a whole or token by token."""

from typing import Any

import keras
from keras import ops

from kerasft.layers.decoder import Cache, Decoder, DecoderBlock
from kerasft.layers.masks import causal_mask
from kerasft.layers.relative_position_bias import RelativePositionBias
from kerasft.layers.root_mean_square_normalization import RootMeanSquareNormalization
from kerasft.layers.t5_attention import T5Attention, hide
from kerasft.layers.t5_encoder import t5_residual
from kerasft.layers.t5_feed_forward import T5FeedForward


@keras.saving.register_keras_serializable(package="kerasft")
class T5DecoderBlock(DecoderBlock):
    """The Transformer's `DecoderBlock` of T5's parts (Raffel et al. 2020, section 2.1).

        x = x + dropout(self_attention(norm(x)))
        x = x + dropout(cross_attention(norm(x)) to the encoder's output)
        x = x + dropout(feed_forward(norm(x)))

    Its masks are not boolean but added to the scores, see `hide`.

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
        >>> block = T5DecoderBlock(d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> block(target, memory, target_mask=hide(causal_mask(5)))  # (batch, 5, 16)
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
        # Not DecoderBlock's own, which would make its parts.
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
        self.cross_attention = T5Attention(d_model, heads, d_kv, dropout, name="cross_attention")
        self.feed_forward = T5FeedForward(
            d_model, d_ff, activation, gated, dropout, name="feed_forward"
        )
        self.self_attention_residual = t5_residual(dropout, epsilon, "self_attention_residual")
        self.cross_attention_residual = t5_residual(dropout, epsilon, "cross_attention_residual")
        self.feed_forward_residual = t5_residual(dropout, epsilon, "feed_forward_residual")


@keras.saving.register_keras_serializable(package="kerasft")
class T5Decoder(Decoder):
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
        >>> decoder = T5Decoder(layers=2, d_model=16, heads=4, d_kv=8, d_ff=64)
        >>> decoder(target, memory, source_mask=padding_mask(source_ids, 0))  # (batch, t, 16)
    """

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
        self.blocks = [T5DecoderBlock(*parts, name=f"block_{index}") for index in range(layers)]
        self.settings = {
            "layers": layers,
            **self.blocks[0].settings,
            "buckets": buckets,
            "max_distance": max_distance,
        }
        self.positions = RelativePositionBias(
            heads, False, buckets, max_distance, d_model**-0.5, name="relative_position_bias"
        )
        self.norm = RootMeanSquareNormalization(epsilon, name="norm")
        self.dropout = keras.layers.Dropout(dropout, name="dropout")

    def build(self, x_shape: Any) -> None:
        """Makes all weights."""
        self.positions.build()
        super().build(x_shape)

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
            target_mask=hide(visible, self.positions.square(length)),
            return_scores=True,
            training=training,
        )
        x = self.dropout(x, training=training)
        return (x, scores) if return_scores else x

    def start_positions(self, length: int, beams: int) -> Any:
        """What `bias_at` needs, computed once: a step's bias is a slice of it.

        Args:
            length: Most positions that will be decoded.
            beams: Targets that are followed for each source.

        Returns:
            (heads, (2 * length - 1) * beams): for each slot before and after a query's position.
            Those after it do not count: they are hidden.
        """
        behind = ops.flip(self.positions.behind(length), axis=1)  # (heads, length): far to near
        ahead = ops.zeros_like(behind)[:, 1:]
        return ops.repeat(ops.concatenate([behind, ahead], axis=1), beams, axis=1)

    def bias_at(self, positions: Any, visible: Any, position: Any) -> Any:
        """What is added to the scores of one position's queries.

        Args:
            positions: From `start_positions`.
            visible: (batch or 1, beams, length * beams) bool, the slots that each beam looks at.
            position: Scalar int, below length.

        Returns:
            (batch or 1, heads, beams, length * beams) float32.
        """
        beams, slots = visible.shape[1], visible.shape[2]
        first = slots - (position + 1) * beams  # (length - 1 - position) * beams
        bias = ops.slice(positions, (0, first), (positions.shape[0], slots))  # (heads, slots)
        return hide(visible[:, None], bias[None, :, None])

    def step(
        self, x: Any, caches: list[Cache], source_mask: Any, visible: Any, slot: Any
    ) -> tuple[Any, list[Cache]]:
        """Runs one more token of each beam through the blocks, see `DecoderBlock.step`.

        Args:
            x: (batch, beams, d_model).
            caches: As `start` or the last step left them.
            source_mask: float32, broadcast to (batch, heads, beams, s), see `hide`.
            visible: float32, (batch or 1, heads, beams, slots), from `bias_at`.
            slot: Scalar int, where the caches take up the first of the new tokens.

        Returns:
            (batch, beams, d_model) and the caches with the new tokens in them.
        """
        return super().step(x, caches, source_mask, visible, slot)
