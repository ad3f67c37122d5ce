"""BERT: names of its weights and of its configuration, in transformers and here."""

from collections.abc import Mapping
from typing import Any

from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry

PREFIX = "bert."

_LAYER = (  # module in `bert.encoder.layer.N`, layer in `transformer_layer_N`, kind, (out, in)
    ("attention.self.query", "self_attention_layer/query", "linear", "width", "width"),
    ("attention.self.key", "self_attention_layer/key", "linear", "width", "width"),
    ("attention.self.value", "self_attention_layer/value", "linear", "width", "width"),
    ("attention.output.dense", "self_attention_layer/attention_output", "linear", "width", "width"),
    ("attention.output.LayerNorm", "self_attention_layer_norm", "norm", "width", None),
    ("intermediate.dense", "feedforward_intermediate_dense", "linear", "inner", "width"),
    ("output.dense", "feedforward_output_dense", "linear", "width", "inner"),
    ("output.LayerNorm", "feedforward_layer_norm", "norm", "width", None),
)


def entries(arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
    """The name table of BertForSequenceClassification (without a pooler for pooling "mean").

    For pooling "none" that of BertForTokenClassification, which has no pooler either.
    """
    width = arguments.hidden_dim
    sizes = {"width": width, "inner": arguments.intermediate_dim}
    table = "bert.embeddings."
    rows = [
        Entry(table + "word_embeddings", "token_embedding", "embedding",
              (arguments.vocab_size, width)),
        Entry(table + "position_embeddings", "position_embedding", "position",
              (arguments.max_sequence_length, width)),
        Entry(table + "token_type_embeddings", "segment_embedding", "embedding",
              (arguments.num_segments, width)),
        Entry(table + "LayerNorm", "embeddings_layer_norm", "norm", (width,)),
    ]  # fmt: skip
    for number in range(arguments.num_layers):
        for module, layer, kind, out, into in _LAYER:
            shape = (sizes[out], sizes[into]) if into else (sizes[out],)
            rows.append(
                Entry(
                    f"bert.encoder.layer.{number}.{module}",
                    f"transformer_layer_{number}/{layer}",
                    kind,
                    shape,
                )
            )
    if pooling == "first":
        rows.append(Entry("bert.pooler.dense", "pooled_dense", "linear", (width, width), head=True))
    rows.append(Entry("classifier", "classifier", "linear", (num_labels, width), head=True))
    return rows


def arguments_from_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Encoder arguments from a `config.json`; what it leaves out is transformers' default."""
    hidden_dropout = config.get("hidden_dropout_prob", 0.1)
    head_dropout = config.get("classifier_dropout")
    return {
        "vocab_size": config.get("vocab_size", 30522),
        "num_layers": config.get("num_hidden_layers", 12),
        "num_heads": config.get("num_attention_heads", 12),
        "hidden_dim": config.get("hidden_size", 768),
        "intermediate_dim": config.get("intermediate_size", 3072),
        "max_sequence_length": config.get("max_position_embeddings", 512),
        "dropout": hidden_dropout,
        "attention_dropout": config.get("attention_probs_dropout_prob", 0.1),
        "head_dropout": hidden_dropout if head_dropout is None else head_dropout,
        "num_segments": config.get("type_vocab_size", 2),
        "activation": config.get("hidden_act", "gelu"),
        "layer_norm_epsilon": config.get("layer_norm_eps", 1e-12),
    }


def config_from_arguments(arguments: EncoderArguments) -> dict[str, Any]:
    """The inverse of `arguments_from_config`."""
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "vocab_size": arguments.vocab_size,
        "num_hidden_layers": arguments.num_layers,
        "num_attention_heads": arguments.num_heads,
        "hidden_size": arguments.hidden_dim,
        "intermediate_size": arguments.intermediate_dim,
        "max_position_embeddings": arguments.max_sequence_length,
        "hidden_dropout_prob": arguments.dropout,
        "attention_probs_dropout_prob": arguments.attention_dropout,
        "classifier_dropout": arguments.head_dropout,
        "type_vocab_size": arguments.num_segments,
        "hidden_act": arguments.activation,
        "layer_norm_eps": arguments.layer_norm_epsilon,
        "pad_token_id": 0,
    }
