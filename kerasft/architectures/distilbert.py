"""DistilBERT: names of its weights and of its configuration, in transformers and here."""

from collections.abc import Mapping
from typing import Any

from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.name_table import Entry

PREFIX = "distilbert."

_LAYER = (  # module in `distilbert.transformer.layer.N`, layer in `transformer_layer_N`, ...
    ("attention.q_lin", "self_attention_layer/query", "linear", "width", "width"),
    ("attention.k_lin", "self_attention_layer/key", "linear", "width", "width"),
    ("attention.v_lin", "self_attention_layer/value", "linear", "width", "width"),
    ("attention.out_lin", "self_attention_layer/attention_output", "linear", "width", "width"),
    ("sa_layer_norm", "self_attention_layer_norm", "norm", "width", None),
    ("ffn.lin1", "feedforward_intermediate_dense", "linear", "inner", "width"),
    ("ffn.lin2", "feedforward_output_dense", "linear", "width", "inner"),
    ("output_layer_norm", "feedforward_layer_norm", "norm", "width", None),
)


def entries(arguments: EncoderArguments, num_labels: int, pooling: str) -> list[Entry]:
    """The name table of DistilBertForSequenceClassification (the same for "first" and "mean").

    For pooling "none" that of DistilBertForTokenClassification, which has one layer less.
    """
    width = arguments.hidden_dim
    sizes = {"width": width, "inner": arguments.intermediate_dim}
    table, embedding = "distilbert.embeddings.", "token_and_position_embedding/"
    rows = [
        Entry(table + "word_embeddings", embedding + "token_embedding", "embedding",
              (arguments.vocab_size, width)),
        Entry(table + "position_embeddings", embedding + "position_embedding", "position",
              (arguments.max_sequence_length, width)),
        Entry(table + "LayerNorm", "embeddings_layer_norm", "norm", (width,)),
    ]  # fmt: skip
    for number in range(arguments.num_layers):
        for module, layer, kind, out, into in _LAYER:
            shape = (sizes[out], sizes[into]) if into else (sizes[out],)
            rows.append(
                Entry(
                    f"distilbert.transformer.layer.{number}.{module}",
                    f"transformer_layer_{number}/{layer}",
                    kind,
                    shape,
                )
            )
    if pooling != "none":
        rows.append(Entry("pre_classifier", "pre_classifier", "linear", (width, width), head=True))
    rows.append(Entry("classifier", "classifier", "linear", (num_labels, width), head=True))
    return rows


def arguments_from_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Encoder arguments from a `config.json`; what it leaves out is transformers' default."""

    def first(*names: str, default: int) -> Any:
        """The value under DistilBERT's own name, or under the general one that some files use."""
        return next((config[name] for name in names if name in config), default)

    return {
        "vocab_size": config.get("vocab_size", 30522),
        "num_layers": first("n_layers", "num_hidden_layers", default=6),
        "num_heads": first("n_heads", "num_attention_heads", default=12),
        "hidden_dim": first("dim", "hidden_size", default=768),
        "intermediate_dim": config.get("hidden_dim", 3072),
        "max_sequence_length": config.get("max_position_embeddings", 512),
        "dropout": config.get("dropout", 0.1),
        "attention_dropout": config.get("attention_dropout", 0.1),
        "head_dropout": config.get("seq_classif_dropout", 0.2),
        "num_segments": 0,
        "activation": config.get("activation", "gelu"),
        "layer_norm_epsilon": 1e-12,  # fixed in transformers' DistilBERT
    }


def config_from_arguments(arguments: EncoderArguments) -> dict[str, Any]:
    """The inverse of `arguments_from_config`."""
    return {
        "architectures": ["DistilBertForSequenceClassification"],
        "model_type": "distilbert",
        "vocab_size": arguments.vocab_size,
        "n_layers": arguments.num_layers,
        "n_heads": arguments.num_heads,
        "dim": arguments.hidden_dim,
        "hidden_dim": arguments.intermediate_dim,
        "max_position_embeddings": arguments.max_sequence_length,
        "dropout": arguments.dropout,
        "attention_dropout": arguments.attention_dropout,
        "seq_classif_dropout": arguments.head_dropout,
        "activation": arguments.activation,
        "pad_token_id": 0,
    }
