"""Encoders that embed, sum and normalize, under post-norm blocks: BERT and who only changed parts.

What a family changes, it says in its own file: how it numbers positions, its head, its settings.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from kerasft.architectures.architecture import (
    ACTIVATION_NAMES,
    INITIAL_DEVIATION,
    EncoderArchitecture,
    layer_entries,
)
from kerasft.architectures.encoder import (
    EncoderArguments,
    EncoderStack,
    embedding,
    positions,
    virtual_tokens,
)
from kerasft.architectures.name_table import Entry
from kerasft.layers.transformer_layer import TransformerLayer

LAYER = {
    "self_attention_layer/query": "attention.self.query",
    "self_attention_layer/key": "attention.self.key",
    "self_attention_layer/value": "attention.self.value",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_residual/norm": "attention.output.LayerNorm",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "feedforward_residual/norm": "output.LayerNorm",
}
"""Part of a block -> module in a layer of transformers' BERT."""


class PostNormEncoder(EncoderStack):
    """Embeddings of tokens, positions and segments, normalized, under post-norm blocks.

    Args:
        initialize: False leaves the weights 0.
    """

    caches = True

    def __init__(self, arguments: EncoderArguments, initialize: bool = True) -> None:
        super().__init__(arguments, initialize)
        self.make_layers(INITIAL_DEVIATION if initialize else 0.0)
        self.build()

    def make_layers(self, deviation: float) -> None:
        """Makes and builds all layers.

        Args:
            deviation: Of the matrices' random start; 0 for none.
        """
        a, width = self.arguments, self.arguments.table_width
        self.token_embedding = embedding(a.vocab_size, width, deviation, "token_embedding")
        self.virtual_tokens = virtual_tokens(a, self.token_embedding)
        tables = [self.token_embedding]
        if a.positions:
            self.position_embedding = embedding(a.positions, width, deviation, "position_embedding")
            tables.append(self.position_embedding)
        if a.num_segments:
            self.segment_embedding = embedding(
                a.num_segments, width, deviation, "segment_embedding"
            )
            tables.append(self.segment_embedding)
        self.norm = keras.layers.LayerNormalization(
            epsilon=a.layer_norm_epsilon, name="embeddings_layer_norm"
        )
        self.dropout = keras.layers.Dropout(a.dropout, name="embeddings_dropout")
        self.blocks = self.make_blocks(deviation)
        for table in tables:
            table.build((None, None))
        self.virtual_tokens.build()
        self.norm.build((None, None, self.normed_width))
        for block in self.blocks:
            if not block.built:  # one may stand there several times
                block.build((None, None, a.hidden_size))

    @property
    def normed_width(self) -> int:
        """Width of the vectors that are normalized before the blocks."""
        return self.arguments.table_width

    def make_blocks(self, deviation: float) -> list[keras.layers.Layer]:
        """Makes the blocks, from the bottom up; see `make_layers`."""
        return [self.make_block(number, deviation) for number in range(self.arguments.num_layers)]

    def make_block(self, number: int, deviation: float, **changes: Any) -> keras.layers.Layer:
        """Makes one block.

        Args:
            number: Of its name, from 0.
            deviation: As in `make_layers`.
            **changes: Arguments of the `TransformerLayer` other than usual.
        """
        a = self.arguments
        usual = {
            "attention_dropout": a.attention_dropout,
            "self_attention_dropout": a.dropout,
            "feedforward_dropout": a.dropout,
            "epsilon": a.layer_norm_epsilon,
            "initial_deviation": deviation,
            "name": f"transformer_layer_{number}",
        }
        return TransformerLayer(
            a.hidden_size, a.num_heads, a.intermediate_size, a.activation, **{**usual, **changes}
        )

    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Sums what is known of each token; see `EncoderStack.embed`."""
        return self.dropout(self.norm(self.sum_tables(inputs, training)), training=training)

    def sum_tables(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """The vectors of tokens, positions and segments together, (batch, length, table_width).

        Without `segment_ids` all tokens are of segment 0.
        """
        token_ids = inputs["token_ids"]
        self.check_length(token_ids)
        x = self.virtual_tokens(self.token_embedding(token_ids), training=training)
        if self.arguments.positions:
            x = x + self.position_embedding(self.position_ids(token_ids, x))
        if self.arguments.num_segments:
            segment_ids = inputs.get("segment_ids")
            if segment_ids is None:
                segment_ids = ops.zeros_like(token_ids[:1, :])  # (1, length), for all rows
            x = x + self.segment_embedding(self.virtual_tokens.extend(segment_ids, 0))
        return x

    def position_ids(self, token_ids: Any, x: Any) -> Any:
        """The rows of the table of positions.

        Args:
            token_ids: (batch, length) int.
            x: (batch, virtual tokens + length, hidden_size), the vectors of the tokens.

        Returns:
            (1 or batch, virtual tokens + length) int32.
        """
        return positions(x, self.first_position)


class PostNormArchitecture(EncoderArchitecture):
    """A family whose encoder transformers names, and configures, as it does BERT's.

    Attributes:
        defaults: Of transformers, for a `config.json` that does not say them.
        modules: Part of a block -> module in a layer of transformers.
    """

    encoder: ClassVar[type[EncoderStack]] = PostNormEncoder
    has_segments = True
    defaults: ClassVar[Mapping[str, Any]] = {}
    modules: ClassVar[Mapping[str, str]] = LAYER

    def head_entries(
        self, arguments: EncoderArguments, num_labels: int, pooling: str
    ) -> list[Entry]:
        """The names of a head's weights, from the bottom up; the layer `classifier` is the last."""
        shape = (num_labels, arguments.hidden_size)
        return [Entry(self.output_module(pooling), "classifier", "linear", shape, head=True)]

    def embedding_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights below the blocks."""
        a, width, part = arguments, arguments.table_width, f"{self.prefix}embeddings."
        tables = {
            ("word_embeddings", "token_embedding"): a.vocab_size,
            ("position_embeddings", "position_embedding"): a.positions,
            ("token_type_embeddings", "segment_embedding"): a.num_segments,
        }
        rows = [
            Entry(part + theirs, ours, "embedding", (count, width))
            for (theirs, ours), count in tables.items()
            if count
        ]
        return [*rows, Entry(part + "LayerNorm", "embeddings_layer_norm", "norm", (width,))]

    def block_entries(self, arguments: EncoderArguments) -> list[Entry]:
        """The names of the weights of the blocks."""
        return [*layer_entries(self.modules, f"{self.prefix}encoder.layer", arguments)]

    def entries(self, arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
        """The names in ...ForSequenceClassification, or for "none" ...ForTokenClassification."""
        return [
            *self.embedding_entries(arguments),
            *self.block_entries(arguments),
            *self.head_entries(arguments, num_labels, pooling),
        ]

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
        config = {**self.defaults, **config}
        hidden_dropout = config.get("hidden_dropout_prob", 0.1)
        head_dropout = config.get("classifier_dropout")
        return {
            "vocab_size": config.get("vocab_size", 30522),
            "num_layers": config.get("num_hidden_layers", 12),
            "num_heads": config.get("num_attention_heads", 12),
            "hidden_size": config.get("hidden_size", 768),
            "intermediate_size": config.get("intermediate_size", 3072),
            "max_length": config.get("max_position_embeddings", 512),
            "dropout": hidden_dropout,
            "attention_dropout": config.get("attention_probs_dropout_prob", 0.1),
            "head_dropout": hidden_dropout if head_dropout is None else head_dropout,
            "num_segments": config.get("type_vocab_size", 2),
            "activation": config.get("hidden_act", "gelu"),
            "layer_norm_epsilon": config.get("layer_norm_eps", 1e-12),
        }

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        return {
            "vocab_size": arguments.vocab_size,
            "num_hidden_layers": arguments.num_layers,
            "num_attention_heads": arguments.num_heads,
            "hidden_size": arguments.hidden_size,
            "intermediate_size": arguments.intermediate_size,
            "max_position_embeddings": arguments.positions,
            "hidden_dropout_prob": arguments.dropout,
            "attention_probs_dropout_prob": arguments.attention_dropout,
            "classifier_dropout": arguments.head_dropout,
            "type_vocab_size": arguments.num_segments,
            "hidden_act": ACTIVATION_NAMES[arguments.activation],
            "layer_norm_eps": arguments.layer_norm_epsilon,
            "pad_token_id": 0,
        }
