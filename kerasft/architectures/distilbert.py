"""DistilBERT (Sanh et al. 2019, "DistilBERT, a distilled version of BERT")."""

from collections.abc import Mapping
from typing import Any

import keras

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
from kerasft.text.pretrained import TokenizerKind
from kerasft.text.wordpiece import wordpiece_from

_LAYER = {
    "self_attention_layer/query": "attention.q_lin",
    "self_attention_layer/key": "attention.k_lin",
    "self_attention_layer/value": "attention.v_lin",
    "self_attention_layer/attention_output": "attention.out_lin",
    "self_attention_residual/norm": "sa_layer_norm",
    "feedforward_intermediate_dense": "ffn.lin1",
    "feedforward_output_dense": "ffn.lin2",
    "feedforward_residual/norm": "output_layer_norm",
}


class TokenAndPositionEmbedding(keras.layers.Layer):
    """The sum of a vector for each token and one for its position.

    Args:
        deviation: Of the random start; 0 for none.
    """

    def __init__(self, arguments: EncoderArguments, deviation: float) -> None:
        super().__init__(name="token_and_position_embedding")
        a, width = arguments, arguments.hidden_size
        self.token_embedding = embedding(a.vocab_size, width, deviation, "token_embedding")
        self.virtual_tokens = virtual_tokens(a, self.token_embedding)
        self.position_embedding = embedding(a.max_length, width, deviation, "position_embedding")

    def build(self, input_shape: Any = None) -> None:
        """Makes the tables."""
        self.token_embedding.build((None, None))
        self.virtual_tokens.build()
        self.position_embedding.build((None, None))

    def call(self, token_ids: Any, training: bool | None = None) -> Any:
        """Looks up (batch, length) int; returns (batch, length, hidden_size)."""
        x = self.virtual_tokens(self.token_embedding(token_ids), training=training)
        return x + self.position_embedding(positions(x))


class DistilBertEncoder(EncoderStack):
    """BERT's encoder without segments.

    Args:
        initialize: False leaves the weights 0.
    """

    def __init__(self, arguments: EncoderArguments, initialize: bool = True) -> None:
        super().__init__(arguments, initialize)
        a, deviation = arguments, INITIAL_DEVIATION if initialize else 0.0
        width = a.hidden_size
        self.embeddings = TokenAndPositionEmbedding(a, deviation)
        self.token_embedding = self.embeddings.token_embedding
        self.virtual_tokens = self.embeddings.virtual_tokens
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
                self_attention_dropout=0.0,  # transformers' has none here, unlike BERT
                feedforward_dropout=a.dropout,
                epsilon=a.layer_norm_epsilon,
                initial_deviation=deviation,
                name=f"transformer_layer_{number}",
            )
            for number in range(a.num_layers)
        ]
        self.embeddings.build((None, None))
        for layer in (self.norm, *self.blocks):
            layer.build((None, None, width))
        self.build()

    def embed(self, inputs: Mapping[str, Any], training: bool | None = None) -> Any:
        """Sums what is known of each token; see `EncoderStack.embed`."""
        self.check_length(inputs["token_ids"])
        x = self.norm(self.embeddings(inputs["token_ids"], training=training))
        return self.dropout(x, training=training)


class DistilBert(EncoderArchitecture):
    """DistilBERT in transformers and here."""

    name = "distilbert"
    tokenizers = (
        TokenizerKind(
            wordpiece_from, ("DistilBertTokenizer",), ("distilbert",), ("vocab.txt",), "[PAD]"
        ),
    )
    encoder = DistilBertEncoder
    twin = "DistilBert"
    prefix = "distilbert."
    keras_hub = KerasHubTwin(
        "DistilBert",
        presets="distil_bert",
        fixed={"activation": "gelu", "layer_norm_epsilon": 1e-12, "head_dropout": 0.2},
        head={"pre_classifier": "pooled_dense", "classifier": "logits"},
    )
    head_modules = ("pre_classifier", "classifier")

    def sequence_head(self, arguments: EncoderArguments, pooling: str) -> list[keras.layers.Layer]:
        """A linear layer with a ReLU, and a dropout."""
        return [
            head_dense(arguments.hidden_size, "pre_classifier", "relu"),
            keras.layers.Dropout(arguments.head_dropout, name="head_dropout"),
        ]

    def token_head(self, arguments: EncoderArguments) -> list[keras.layers.Layer]:
        """A dropout at the rate of the layers, as transformers has it."""
        return [keras.layers.Dropout(arguments.dropout, name="head_dropout")]

    def entries(self, arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
        """The names in DistilBertForSequenceClassification, the same for "first" and "mean".

        For "none" those in DistilBertForTokenClassification, which has one layer less.
        """
        a, width = arguments, arguments.hidden_size
        table, ours = "distilbert.embeddings.", "token_and_position_embedding/"
        rows = [
            Entry(table + "word_embeddings", ours + "token_embedding", "embedding",
                  (a.vocab_size, width)),
            Entry(table + "position_embeddings", ours + "position_embedding", "embedding",
                  (a.max_length, width)),
            Entry(table + "LayerNorm", "embeddings_layer_norm", "norm", (width,)),
            *layer_entries(_LAYER, "distilbert.transformer.layer", a),
        ]  # fmt: skip
        if pooling != "none":
            dense = Entry("pre_classifier", "pre_classifier", "linear", (width, width), head=True)
            rows.append(dense)
        return [*rows, Entry("classifier", "classifier", "linear", (num_labels, width), head=True)]

    def values_from_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments in a `config.json`."""

        def first(*names: str, default: int) -> Any:
            """The value under DistilBERT's own name, or under the general one that some use."""
            return next((config[name] for name in names if name in config), default)

        return {
            "vocab_size": config.get("vocab_size", 30522),
            "num_layers": first("n_layers", "num_hidden_layers", default=6),
            "num_heads": first("n_heads", "num_attention_heads", default=12),
            "hidden_size": first("dim", "hidden_size", default=768),
            "intermediate_size": config.get("hidden_dim", 3072),
            "max_length": config.get("max_position_embeddings", 512),
            "dropout": config.get("dropout", 0.1),
            "attention_dropout": config.get("attention_dropout", 0.1),
            "head_dropout": config.get("seq_classif_dropout", 0.2),
            "num_segments": 0,
            "activation": config.get("activation", "gelu"),
            "layer_norm_epsilon": 1e-12,  # fixed in transformers' DistilBERT
        }

    def config_from_arguments(self, arguments: EncoderArguments) -> dict[str, Any]:
        """The inverse."""
        return {
            "vocab_size": arguments.vocab_size,
            "n_layers": arguments.num_layers,
            "n_heads": arguments.num_heads,
            "dim": arguments.hidden_size,
            "hidden_dim": arguments.intermediate_size,
            "max_position_embeddings": arguments.max_length,
            "dropout": arguments.dropout,
            "attention_dropout": arguments.attention_dropout,
            "seq_classif_dropout": arguments.head_dropout,
            "activation": ACTIVATION_NAMES[arguments.activation],
            "pad_token_id": 0,
        }
