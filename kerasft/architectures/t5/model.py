"""T5, the text-to-text Transformer, in its versions 1.0 and 1.1 (flan-t5).

Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified Text-to-Text
Transformer".
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasft import layers
from kerasft.architectures.frozen_backbone import still, without_dropout
from kerasft.architectures.name_table import Entry
from kerasft.architectures.seq2seq import Seq2SeqModel, State, TokenLossModel
from kerasft.architectures.t5.arguments import T5Arguments, t5_entries
from kerasft.architectures.t5.frozen_backbone import FrozenT5, T5Below, is_plain
from kerasft.errors import ConfigError
from kerasft.layers.initializers import normal
from kerasft.layers.masks import hide
from kerasft.layers.t5_attention import matrix


@keras.saving.register_keras_serializable(package="kerasft")
class T5(Seq2SeqModel):
    """One table of tokens for both sides, encoder, decoder and head, built at once.

    Inputs: `{"source_ids": (batch, s) int32, "target_ids": (batch, t) int32}`; the targets begin
    with the start token (see `shift_right`), and both are padded at the end with `pad_id`. Output:
    at each position of the target, the logits of the token that comes next,
    (batch, t, vocab_size) float32. Texts may be of any length.

    Padding of the sources is hidden from all. That of the targets is not, since the start token is
    the same token: what stands at the end, nothing real can see, and the loss is to leave it out
    by its weights. `compile` wants a loss whose value is the mean over a batch's real tokens, see
    `TokenLossModel`.

    Layers are called as in the original: "encoder/block_1/self_attention/q",
    "decoder/block_0/cross_attention/v", "encoder/block_0/feed_forward/wi_0", "lm_head", "shared".

    Args:
        initialize: False leaves the matrices 0, when all of them are loaded afterwards.

    Example:
        >>> model = T5(T5Arguments(100, d_model=16, d_kv=8, d_ff=32, heads=2))
        >>> labels = np.array([[9, 5, 1]])
        >>> model({"source_ids": np.array([[7, 3, 1]]), "target_ids": shift_right(labels)})
    """

    architecture = "t5"
    head_layers: tuple[str, ...] = ()  # its output layer is pretrained, too
    output_module = ""

    def __init__(self, arguments: T5Arguments, initialize: bool = True) -> None:
        super().__init__(name="t5")
        self.arguments = arguments
        a, factor = arguments, 1.0 if initialize else 0.0
        stack = (
            *(a.d_model, a.heads, a.d_kv, a.d_ff, a.activation, a.gated, a.dropout),
            *(a.layer_norm_epsilon, a.relative_buckets, a.relative_max_distance),
            *(a.bias_per_block, factor),
        )
        self.shared = keras.layers.Embedding(a.vocab_size, a.d_model, normal(factor), name="shared")
        self.virtual_tokens = layers.VirtualTokens(
            a.d_model, None, a.vocab_size, self.shared.call, name="virtual_tokens"
        )
        self.dropout = keras.layers.Dropout(a.dropout, name="dropout")
        self.encoder = layers.T5Encoder(a.encoder_layers, *stack, name="encoder")
        self.decoder = layers.T5Decoder(a.decoder_layers, *stack, name="decoder")
        self.lm_head = None
        if not a.tie_embeddings:
            # transformers starts from a deviation of 1, which makes logits of hundreds.
            deviation = 1.0 if a.scale_outputs else a.d_model**-0.5
            self.lm_head = matrix(a.vocab_size, factor * deviation, "lm_head")
        self._track_token_loss()
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Makes all weights; `__init__` has done it."""
        self.shared.build((None, None))
        parts = [
            self.virtual_tokens,
            self.encoder,
            self.decoder,
            *([self.lm_head] if self.lm_head else []),
        ]
        for layer in parts:
            layer.build((None, None, self.arguments.d_model))

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Scores each next token of given targets.

        Returns:
            (batch, t, vocab_size) float32 logits.
        """
        source_mask = self.source_mask(inputs["source_ids"])
        memory = self.encode(inputs["source_ids"], source_mask, training=training)
        x = self.decode(memory, source_mask, inputs["target_ids"], training=training)
        return self.project(x)

    def source_mask(self, source_ids: Any) -> Any:
        """Hides the padding of the sources; virtual tokens before them count among their length s.

        Args:
            source_ids: (batch, s) int.

        Returns:
            (batch, 1, 1, s) bool.
        """
        mask = layers.padding_mask(source_ids, self.arguments.pad_id)
        return self.virtual_tokens.extend(mask, True)

    def encode(self, source_ids: Any, source_mask: Any, training: bool | None = None) -> Any:
        """Reads the sources.

        Args:
            source_ids: (batch, s) int.
            source_mask: (batch, 1, 1, s) bool.

        Returns:
            The memory, (batch, s, d_model).
        """
        x = self.virtual_tokens(self.shared(source_ids), training=training)
        x = self.dropout(x, training=training)
        return self.encoder(x, source_mask=source_mask, training=training)

    def decode(
        self,
        memory: Any,
        source_mask: Any,
        target_ids: Any,
        training: bool | None = None,
        return_scores: bool = False,
    ) -> Any:
        """Reads the targets beside the memory.

        Args:
            memory: (batch, s, d_model).
            source_mask: (batch, 1, 1, s) bool.
            target_ids: (batch, t) int.
            return_scores: Whether to return the last block's attention to the source as well.

        Returns:
            (batch, t, d_model), or with `return_scores` also the scores (batch, heads, t, s).
        """
        x = self.dropout(self.shared(target_ids), training=training)
        return self.decoder(
            x, memory, source_mask=source_mask, return_scores=return_scores, training=training
        )

    def project(self, x: Any) -> Any:
        """Scores the next token.

        Args:
            x: (batch, t, d_model).

        Returns:
            (batch, t, vocab_size) float32 logits.
        """
        if self.arguments.scale_outputs:
            x = x * self.arguments.d_model**-0.5
        if self.lm_head is not None:
            return ops.cast(self.lm_head(x), "float32")
        table = ops.convert_to_tensor(self.shared.embeddings)  # (vocab_size, d_model)
        if all(size == 1 for size in x.shape[:-1]):
            # One vector, as in greedy decoding: XLA takes 20 times as long the other way round.
            logits = ops.matmul(table, ops.reshape(x, (-1, 1)))  # (vocab_size, 1)
            return ops.cast(ops.reshape(logits, (1, 1, -1)), "float32")
        return ops.cast(ops.matmul(x, ops.transpose(table)), "float32")

    def start_decoding(self, source_ids: Any, length: int, beams: int = 1) -> State:
        """Reads the sources and makes room for targets; see `generation.StepModel`.

        Raises:
            ConfigError: `length` is less than 1.
        """
        if length < 1:
            raise ConfigError(f"the length to decode is {length}; it must be 1 or more")
        source_mask = self.source_mask(ops.convert_to_tensor(source_ids))
        memory = self.encode(ops.convert_to_tensor(source_ids), source_mask, training=False)
        return {
            "source_mask": hide(source_mask),
            "positions": self.decoder.start_positions(length, beams),
            "blocks": self.decoder.start(memory, length * beams),
        }

    def decode_step(
        self, state: State, token_ids: Any, visible: Any, position: Any
    ) -> tuple[Any, State]:
        """Scores the token after one more token, with all earlier work remembered.

        It can stand in the body of `ops.while_loop`; see `generation.StepModel` for the shapes.
        """
        if keras.backend.backend() == "torch":
            position = int(position)  # it computes at once, and slices far faster by whole numbers
        bias = self.decoder.bias_at(state["positions"], visible, position)
        x, blocks = self.decoder.step(
            self.shared.call(token_ids),
            state["blocks"],
            state["source_mask"],
            bias,
            position * token_ids.shape[1],
        )
        return ops.log_softmax(self.project(x), axis=-1), {**state, "blocks": blocks}

    def entries(self) -> list[Entry]:
        """The names of its weights in T5ForConditionalGeneration, from the bottom up."""
        return t5_entries(self.arguments)

    def cached_attention(self) -> list[keras.layers.Layer]:
        """The decoder's attention to itself; see `TwinModel.cached_attention`."""
        return [block.self_attention for block in self.decoder.blocks]

    def frozen_backbone(self) -> FrozenT5 | None:
        """Splits the model below the first block of its encoder that trains.

        Returns:
            The parts; None where no encoder block below the first that trains is frozen, or the
            embeddings train.

        Example:
            >>> peft.apply(model, LoRAConfig(targets=("encoder/block_5/self_attention/(q|v)",)))
            >>> model.frozen_backbone().description
            'embeddings and 5 of 6 layers of the encoder'
        """
        blocks = self.encoder.blocks
        frozen = [not block.trainable_variables and is_plain(block) for block in blocks]
        count = frozen.index(False) if False in frozen else len(frozen)
        bottom = [self.shared]
        if self.encoder.positions is not None:
            bottom.append(self.encoder.positions)
        if not count or any(layer.trainable_variables for layer in bottom):
            return None
        if self.virtual_tokens.count:  # the lower part counts the tokens of a text alone
            return None
        lower = T5Below(self.arguments, self.shared, self.encoder, count)
        return FrozenT5(lower, _T5Above(self, count), self.arguments, count)

    def still_frozen(self) -> int:
        """Takes the dropout out of all parts in which nothing trains.

        Returns:
            How many blocks, of encoder and decoder, are still now.
        """
        if not self.shared.trainable_variables:
            without_dropout([self.dropout])
        stacks: tuple[Any, ...] = (self.encoder, self.decoder)
        for stack in stacks:
            if not stack.norm.trainable_variables:
                without_dropout([stack.dropout])
        return sum(still(block) for stack in stacks for block in stack.blocks)

    def get_config(self) -> dict[str, Any]:
        """What Keras needs to make the model again."""
        return {"arguments": self.arguments.to_dict()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "T5":
        """Makes the model that `get_config` described."""
        return cls(T5Arguments.from_dict(config["arguments"]))


class _T5Above(TokenLossModel):
    """A T5 that takes what leaves its first encoder blocks and goes on from there.

    Its layers are the T5's own, so training it trains the T5.
    """

    def __init__(self, model: T5, first: int) -> None:
        super().__init__(name="above_backbone")
        self.t5, self.first = model, first
        self._track_token_loss()
        self.build()

    def build(self, input_shape: Any = None) -> None:
        """Nothing to do: the T5 is built."""

    def call(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Reads what `FrozenT5.upper` says; returns logits (batch, t, vocab_size)."""
        t5 = self.t5
        mask = t5.source_mask(inputs["source_ids"])
        memory = t5.encoder.call_from(self.first, inputs["hidden"], mask, training)
        return t5.project(t5.decode(memory, mask, inputs["target_ids"], training=training))


def shift_right(token_ids: np.ndarray, start_id: int = 0) -> np.ndarray:
    """What the decoder is given so that it writes these tokens: the start token, then each of them.

    Args:
        token_ids: (batch, t) int, the tokens to write, each row with its end token, then padding.
        start_id: The start token.

    Returns:
        (batch, t) of the same type: one to the right, without the last column.

    Example:
        >>> shift_right(np.array([[9, 5, 1]]))
        array([[0, 9, 5]])
    """
    shifted = np.empty_like(token_ids)
    shifted[:, 0] = start_id
    shifted[:, 1:] = token_ids[:, :-1]
    return shifted
