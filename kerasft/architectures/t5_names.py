"""T5: names of its weights and of its configuration, in transformers and here."""

from collections.abc import Iterator, Mapping
from typing import Any

from kerasft.architectures.name_table import Entry
from kerasft.architectures.t5_arguments import T5Arguments
from kerasft.errors import PresetError

# transformers' names of the activations; the first of each is the one we write.
_ACTIVATIONS = {
    "relu": ("relu",),
    "gelu": ("gelu_python", "gelu"),
    "gelu_approximate": (
        "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate",
    ),
    "silu": ("silu", "swish"),
}  # fmt: skip
_ROOT = "t5/"  # the model's name, with which its layers' paths begin
_OURS = {theirs: ours for ours, names in _ACTIVATIONS.items() for theirs in names}


def entries(arguments: T5Arguments) -> list[Entry]:
    """The name table of T5ForConditionalGeneration, from the bottom up."""
    width = arguments.d_model
    table = (arguments.vocab_size, width)
    rows = [Entry("shared", _ROOT + "shared", "embedding", table)]
    for stack, depth in (
        ("encoder", arguments.encoder_layers),
        ("decoder", arguments.decoder_layers),
    ):
        rows.append(
            Entry(
                f"{stack}.block.0.layer.0.SelfAttention.relative_attention_bias",
                f"{_ROOT}{stack}/relative_position_bias",
                "embedding",
                (arguments.relative_buckets, arguments.heads),
            )
        )
        for number in range(depth):
            rows.extend(_block(arguments, stack, number))
        rows.append(Entry(f"{stack}.final_layer_norm", f"{_ROOT}{stack}/norm", "scale", (width,)))
    if not arguments.tie_embeddings:
        rows.append(Entry("lm_head", _ROOT + "lm_head", "matrix", table))
    return rows


def _block(arguments: T5Arguments, stack: str, number: int) -> Iterator[Entry]:
    """The entries of one block: in transformers a list of two or three numbered layers."""
    width, inner, joined = arguments.d_model, arguments.d_ff, arguments.heads * arguments.d_kv
    theirs, ours = f"{stack}.block.{number}.layer", f"{_ROOT}{stack}/block_{number}"
    attentions = [("SelfAttention", "self_attention")]
    if stack == "decoder":
        attentions.append(("EncDecAttention", "cross_attention"))
    for place, (module, layer) in enumerate(attentions):
        for name in "qkvo":
            shape = (width, joined) if name == "o" else (joined, width)
            yield Entry(
                f"{theirs}.{place}.{module}.{name}", f"{ours}/{layer}/{name}", "matrix", shape
            )
        yield Entry(
            f"{theirs}.{place}.layer_norm", f"{ours}/{layer}_residual/norm", "scale", (width,)
        )
    place = len(attentions)
    for name in ("wi_0", "wi_1") if arguments.gated else ("wi",):
        yield Entry(
            f"{theirs}.{place}.DenseReluDense.{name}",
            f"{ours}/feed_forward/{name}",
            "matrix",
            (inner, width),
        )
    yield Entry(
        f"{theirs}.{place}.DenseReluDense.wo", f"{ours}/feed_forward/wo", "matrix", (width, inner)
    )
    yield Entry(
        f"{theirs}.{place}.layer_norm", f"{ours}/feed_forward_residual/norm", "scale", (width,)
    )


def arguments_from_config(config: Mapping[str, Any], source: str = "config.json") -> T5Arguments:
    """Reads a Hugging Face configuration; what it leaves out is transformers' default.

    Args:
        config: What `config.json` holds.
        source: The file, for messages.

    Returns:
        The arguments, with the head tied as the configuration says. (Its `tie_word_embeddings`
        means two things: whether the head uses the embedding table, and whether its input is
        scaled. `scale_decoder_outputs`, which transformers 5 writes, says the second alone.)

    Raises:
        PresetError: The configuration is of another architecture, or of a variant that computes
            something else.
    """
    kind = config.get("model_type")
    if kind != "t5":
        raise PresetError(
            f"{source} has the model_type {kind!r}, which is no T5; choose a model of the type "
            "'t5', such as google-t5/t5-small or google/flan-t5-small"
        )
    if config.get("is_encoder_decoder", True) is not True:
        raise PresetError(f"{source} is of a T5 without a decoder, which writes no texts")
    activation, gated = _activation(config, source)
    layers = config.get("num_layers", 6)
    decoder_layers = config.get("num_decoder_layers")
    tied = config.get("tie_word_embeddings") is not False
    pad, start = config.get("pad_token_id", 0), config.get("decoder_start_token_id")
    end = config.get("eos_token_id", 1)
    values = {
        "vocab_size": config.get("vocab_size", 32128),
        "d_model": config.get("d_model", 512),
        "d_kv": config.get("d_kv", 64),
        "d_ff": config.get("d_ff", 2048),
        "encoder_layers": layers,
        "decoder_layers": layers if decoder_layers is None else decoder_layers,
        "heads": config.get("num_heads", 8),
        "relative_buckets": config.get("relative_attention_num_buckets", 32),
        "relative_max_distance": config.get("relative_attention_max_distance", 128),
        "activation": activation,
        "gated": gated,
        "tie_embeddings": tied,
        "scale_outputs": config.get("scale_decoder_outputs", tied),
        "dropout": config.get("dropout_rate", 0.1),
        "layer_norm_epsilon": config.get("layer_norm_epsilon", 1e-6),
        "pad_id": pad,
        "end_id": end[0] if isinstance(end, list) and len(end) == 1 else end,
        "start_id": pad if start is None else start,
    }
    try:
        return T5Arguments.from_dict(values, PresetError)
    except PresetError as problem:
        raise PresetError(f"{source}: {problem}") from None


def config_from_arguments(arguments: T5Arguments) -> dict[str, Any]:
    """The inverse of `arguments_from_config`: a `config.json` for transformers."""
    name = _ACTIVATIONS[arguments.activation][0]
    if arguments.gated:  # "gated-gelu" means gelu_new, as in the published models
        name = "gated-" + ("gelu" if name == "gelu_new" else name)
    config = {
        "architectures": ["T5ForConditionalGeneration"],
        "model_type": "t5",
        "is_encoder_decoder": True,
        "vocab_size": arguments.vocab_size,
        "d_model": arguments.d_model,
        "d_kv": arguments.d_kv,
        "d_ff": arguments.d_ff,
        "num_layers": arguments.encoder_layers,
        "num_decoder_layers": arguments.decoder_layers,
        "num_heads": arguments.heads,
        "relative_attention_num_buckets": arguments.relative_buckets,
        "relative_attention_max_distance": arguments.relative_max_distance,
        "feed_forward_proj": name,
        "tie_word_embeddings": arguments.tie_embeddings,
        "dropout_rate": arguments.dropout,
        "layer_norm_epsilon": arguments.layer_norm_epsilon,
        "pad_token_id": arguments.pad_id,
        "eos_token_id": arguments.end_id,
        "decoder_start_token_id": arguments.start_id,
        "use_cache": True,
    }
    if arguments.scale_outputs != arguments.tie_embeddings:
        config["scale_decoder_outputs"] = arguments.scale_outputs
    return config


def _activation(config: Mapping[str, Any], source: str) -> tuple[str, bool]:
    """Our name of the feed-forward layers' activation, and whether they have a gate."""
    text = config.get("feed_forward_proj", "relu")
    gate, _, name = text.rpartition("-") if isinstance(text, str) else ("", "", None)
    if text == "gated-gelu":
        name = "gelu_new"
    if gate not in ("", "gated") or name not in _OURS:
        raise PresetError(
            f"{source} has the feed_forward_proj {text!r}, which is not supported; it must be one "
            f"of {', '.join(_OURS)}, alone or after 'gated-'"
        )
    return _OURS[name], gate == "gated"
