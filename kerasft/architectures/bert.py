"""BERT (Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers")."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasft.architectures.architecture import (
    ACTIVATION_NAMES,
    INITIAL_DEVIATION,
    EncoderArchitecture,
    KerasHubTwin,
    head_dense,
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

_LAYER = {
    "self_attention_layer/query": "attention.self.query",
    "self_attention_layer/key": "attention.self.key",
    "self_attention_layer/value": "attention.self.value",
    "self_attention_layer/attention_output": "attention.output.dense",
    "self_attention_residual/norm": "attention.output.LayerNorm",
    "feedforward_intermediate_dense": "intermediate.dense",
    "feedforward_output_dense": "output.dense",
    "feedforward_residual/norm": "output.LayerNorm",
}


class BertEncoder(EncoderStack):
    """Embeddings of tokens, positions and segments, normalized, under post-norm blocks.

    Args:
        initialize: False leaves the weights 0.
    """

    caches = True

    def __init__(self, arguments: EncoderArguments, initialize: bool = True) -> None:
        super().__init__(arguments, initialize)
        a, deviation = arguments, INITIAL_DEVIATION if initialize else 0.0
        width = a.hidden_size
        self.token_embedding = embedding(a.vocab_size, width, deviation, "token_embedding")
        self.virtual_tokens = virtual_tokens(a, self.token_embedding)
        self.position_embedding = embedding(a.max_length, width, deviation, "position_embedding")
        self.segment_embedding = embedding(a.num_segments, width, deviation, "segment_embedding")
        self.norm = keras.layers.LayerNormalization(
            epsilon=a.layer_norm_epsilon, name="embeddings_layer_norm"
        )
        self.dropout = keras.layers.Dropout(a.dropout, name="embeddings_dropout")
        self.blocks = [
            TransformerLayer(
                width,
                a.num_heads,
                a.intermediate_size,
                a.activation,
                attention_dropout=a.attention_dropout,
                self_attention_dropout=a.dropout,
                feedforward_dropout=a.dropout,
                epsilon=a.layer_norm_epsilon,
                initial_deviation=deviation,
                name=f"transformer_layer_{number}",
            )
            for number in range(a.num_layers)
        ]
        for table in (self.token_embedding, self.position_embedding, self.segment_embedding):
            table.build((None, None))
        for layer in (self.virtual_tokens, self.norm, *self.blocks):
            layer.build((None, None, width))
        self.build()

    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Sums what is known of each token; see `EncoderStack.embed`.

        Without `segment_ids` all tokens are of segment 0.
        """
        token_ids = inputs["token_ids"]
        self.check_length(token_ids)
        segment_ids = inputs.get("segment_ids")
        if segment_ids is None:
            segment_ids = ops.zeros_like(token_ids[:1, :])  # (1, length), as the positions
        segment_ids = self.virtual_tokens.extend(segment_ids, 0)
        x = self.virtual_tokens(self.token_embedding(token_ids), training=training)
        places = positions(x, self.first_position)
        x = x + self.position_embedding(places) + self.segment_embedding(segment_ids)
        x = self.norm(x)
        return self.dropout(x, training=training)


class Bert(EncoderArchitecture):
    """BERT in transformers and here."""

    name = "bert"
    encoder = BertEncoder
    twin = "Bert"
    prefix = "bert."
    has_segments = True
    keras_hub = KerasHubTwin(
        "Bert",
        presets="bert",
        fixed={"activation": "gelu_approximate", "layer_norm_epsilon": 1e-12, "head_dropout": 0.1},
        head={"classifier": "logits"},
    )

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """The pooler, for the first token alone, and a dropout."""
        dropout = keras.layers.Dropout(arguments.head_dropout, name="head_dropout")
        if pooling == "mean":
            return [dropout]
        return [head_dense(arguments.hidden_size, "pooled_dense", "tanh"), dropout]

    def entries(self, arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
        """The names in BertForSequenceClassification, or for "none" BertForTokenClassification.

        The latter has no pooler; neither has a classifier over the mean.
        """
        a, width, table = arguments, arguments.hidden_size, "bert.embeddings."
        rows = [
            Entry(table + "word_embeddings", "token_embedding", "embedding",
                  (a.vocab_size, width)),
            Entry(table + "position_embeddings", "position_embedding", "embedding",
                  (a.max_length, width)),
            Entry(table + "token_type_embeddings", "segment_embedding", "embedding",
                  (a.num_segments, width)),
            Entry(table + "LayerNorm", "embeddings_layer_norm", "norm", (width,)),
            *layer_entries(_LAYER, "bert.encoder.layer", a),
        ]  # fmt: skip
        if pooling == "first":
            pooler = Entry("bert.pooler.dense", "pooled_dense", "linear", (width, width), head=True)
            rows.append(pooler)
        return [*rows, Entry("classifier", "classifier", "linear", (num_labels, width), head=True)]

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""
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
            "max_position_embeddings": arguments.max_length,
            "hidden_dropout_prob": arguments.dropout,
            "attention_probs_dropout_prob": arguments.attention_dropout,
            "classifier_dropout": arguments.head_dropout,
            "type_vocab_size": arguments.num_segments,
            "hidden_act": ACTIVATION_NAMES[arguments.activation],
            "layer_norm_eps": arguments.layer_norm_epsilon,
            "pad_token_id": 0,
        }
