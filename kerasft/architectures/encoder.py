"""Encoders as stacks: what embeds the tokens, then blocks, one upon the other."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft.architectures.arguments import Arguments
from kerasft.errors import ConfigError
from kerasft.layers.initializers import TruncatedNormal
from kerasft.layers.virtual_tokens import VirtualTokens


@dataclass(frozen=True)
class EncoderArguments(Arguments):
    """The shape of an encoder: everything that rebuilds it, apart from its weights.

    Attributes:
        vocab_size: Tokens in the embedding table.
        num_layers: Transformer layers.
        num_heads: Attention heads; must divide `hidden_size`.
        hidden_size: Width of the hidden states.
        intermediate_size: Width inside the feed-forward layers.
        max_length: The longest text, in tokens.
        dropout: Dropout on the embeddings and on what each sublayer adds.
        attention_dropout: Dropout on the attention weights.
        head_dropout: Dropout before the classification layer.
        num_segments: Segments in the embedding table (BERT: 2, DistilBERT: 0, it has none).
        activation: Activation of the feed-forward layers, one of `layers.ACTIVATIONS`.
        layer_norm_epsilon: Epsilon of every layer normalization.

    Raises:
        ConfigError: A value is out of range.

    Example:
        >>> EncoderArguments(vocab_size=100, num_layers=2, num_heads=2, hidden_size=16,
        ...                  intermediate_size=32, max_length=64)
    """

    vocab_size: int
    num_layers: int
    num_heads: int
    hidden_size: int
    intermediate_size: int
    max_length: int
    dropout: float = 0.1
    attention_dropout: float = 0.1
    head_dropout: float = 0.1
    num_segments: int = 0
    activation: str = "gelu"
    layer_norm_epsilon: float = 1e-12

    KIND = "encoder"
    RANGES: ClassVar = {
        "vocab_size": (1, 4_000_000),
        "num_layers": (1, 200),
        "num_heads": (1, 1_000),
        "hidden_size": (1, 20_000),
        "intermediate_size": (1, 100_000),
        "max_length": (1, 1_000_000),
        "num_segments": (0, 1_000),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_size % self.num_heads:
            raise ConfigError(
                f"num_heads ({self.num_heads}) must divide hidden_size ({self.hidden_size})"
            )
        self._check_size()

    @property
    def table_width(self) -> int:
        """Width of the tables of tokens, positions and segments."""
        return self.hidden_size

    @property
    def positions(self) -> int:
        """Rows of the table of positions; 0 where there is none."""
        return self.max_length

    @property
    def own_blocks(self) -> int:
        """Blocks that have weights of their own."""
        return self.num_layers

    @property
    def depth(self) -> int:
        """Blocks that a text passes through."""
        return self.num_layers

    @property
    def parameter_count(self) -> int:
        """Weights of the encoder without a head."""
        width, inner = self.hidden_size, self.intermediate_size
        rows = self.vocab_size + self.positions + self.num_segments
        below = (rows + 2) * self.table_width
        attention = 4 * (width * width + width)
        feed_forward = 2 * width * inner + inner + width
        return below + self.own_blocks * (attention + feed_forward + 4 * width)


class EncoderStack(keras.Model):
    """Base of the encoders of all families.

    Inputs: `{"token_ids": (batch, length) int32, "padding_mask": (batch, length) bool}`, the mask
    True where there is a token; `"segment_ids"` (batch, length) int32 besides, for families that
    tell the texts of a pair apart by them. Output: hidden states (batch, length, hidden_size).

    A family makes and builds all its layers in `__init__`, so that their paths begin with their own
    names, and gives `embed` and `blocks`. A block is called as `block(hidden, mask)`; with
    `first_only=True` it computes position 0 alone. Where virtual tokens stand before a text, the
    first of them is position 0; the hidden states returned are those of the text's tokens.

    Args:
        initialize: False leaves the matrices 0.

    Attributes:
        token_embedding: The table of tokens, a `keras.layers.Embedding`.
        virtual_tokens: What `embed` puts before the vectors of the tokens: nothing at first.
        blocks: The layers of the stack, from the bottom up; one that a text passes through several
            times stands there as often.
        caches: Whether transformers' model takes keys and values from before a text
            (`past_key_values`), from which the text's positions count on (of the class).
    """

    caches: ClassVar[bool] = False
    token_embedding: keras.layers.Embedding
    virtual_tokens: VirtualTokens
    blocks: list[keras.layers.Layer]

    def __init__(self, arguments: EncoderArguments, initialize: bool = True) -> None:
        super().__init__(name="backbone")
        self.arguments = arguments

    def build(self, input_shape: Any = None) -> None:
        """Has nothing to do: a family's `__init__` builds the layers."""

    @property
    def bottom(self) -> list[keras.layers.Layer]:
        """The layers that are no blocks: they embed the tokens."""
        blocks = {id(block) for block in self.blocks}
        return [layer for layer in self.layers if id(layer) not in blocks]

    @property
    def first_position(self) -> int:
        """The number of a text's first position: 0, or what a prefix takes."""
        attention: Any = self.blocks[0].attention
        return attention.prefix_length if self.caches else 0

    def check_length(self, token_ids: Any) -> None:
        """Refuses texts that are too long.

        Args:
            token_ids: (batch, length) int.

        Raises:
            ConfigError: There are not as many positions.
        """
        length, most = token_ids.shape[1], self.arguments.max_length - self.first_position
        if length is not None and length > most:
            taken = (
                f", of which a prefix takes {self.first_position}" if self.first_position else ""
            )
            raise ConfigError(
                f"texts of {length} tokens are too long: the model has "
                f"{self.arguments.max_length} positions{taken}; choose a smaller max_length"
            )

    @abstractmethod
    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """What the first block is given.

        Returns:
            (batch, length, hidden_size), where the virtual tokens count among the length.
        """

    def mask(self, padding_mask: Any) -> Any:
        """What each block is given beside the hidden states: what it may look at.

        Args:
            padding_mask: (batch, length), True or 1 where there is a token.

        Returns:
            (batch, 1, 1, length) bool, which broadcasts over heads and queries. A family with
            relative positions returns what is added to the scores, (batch, heads, length, length)
            float32.
        """
        return ops.cast(padding_mask, "bool")[:, None, None, :]

    def run_blocks(
        self,
        hidden: Any,
        padding_mask: Any,
        *,
        start: int = 0,
        stop: int | None = None,
        first_only: bool = False,
        training: bool | None = None,
    ) -> Any:
        """Runs some of the blocks, one upon the other.

        Args:
            hidden: (batch, length, hidden_size), what the lowest of them is given.
            padding_mask: (batch, length) bool.
            start: The lowest of them, from 0.
            stop: Where they end, this one left out; None runs all the rest.
            first_only: Whether the uppermost computes position 0 alone.

        Returns:
            (batch, length, hidden_size), or with `first_only` (batch, 1, hidden_size).
        """
        blocks, mask = self.blocks[start:stop], self.mask(padding_mask)
        for number, block in enumerate(blocks, 1):
            last = first_only and number == len(blocks)
            hidden = block(hidden, mask, first_only=last, training=training)
        return hidden[:, :1] if first_only else hidden

    def call(
        self, inputs: Mapping[str, Any], first_only: bool = False, training: bool | None = None
    ) -> Any:
        """Reads texts.

        Args:
            first_only: Whether to compute position 0 alone, as far as the others need not be known.

        Returns:
            (batch, length, hidden_size), or with `first_only` (batch, 1, hidden_size).
        """
        hidden = self.run_blocks(
            self.embed(inputs, training),
            self.virtual_tokens.extend(inputs["padding_mask"], True),
            first_only=first_only,
            training=training,
        )
        return hidden if first_only else self.virtual_tokens.drop(hidden)


def embedding(rows: int, width: int, deviation: float, name: str) -> keras.layers.Embedding:
    """A table of vectors (rows, width), not built yet."""
    start = TruncatedNormal(deviation)
    return keras.layers.Embedding(rows, width, embeddings_initializer=start, name=name)


def virtual_tokens(arguments: EncoderArguments, table: keras.layers.Embedding) -> VirtualTokens:
    """The place for virtual tokens behind an encoder's table of tokens."""
    a = arguments
    return VirtualTokens(
        table.output_dim, a.max_length, a.vocab_size, table.call, name="virtual_tokens"
    )


def positions(x: Any, first: int = 0) -> Any:
    """Numbers positions: (batch, length, width) -> (1, length) int32, from `first`."""
    return ops.cumsum(ops.ones_like(x[:1, :, 0], dtype="int32"), axis=1) + (first - 1)
