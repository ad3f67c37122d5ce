"""Hugging Face's `config.json` to encoder arguments and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.architectures import bert, distilbert
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.headed_encoder import HeadedEncoder
from kerasft.errors import PresetError

TABLES = {"bert": bert, "distilbert": distilbert}
"""The module of each architecture, by its `model_type`."""

# transformers' names of what we call otherwise; the first of each is the one we write.
_ACTIVATIONS = {
    "gelu": ("gelu", "gelu_python"),
    "gelu_approximate": (
        "gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate",
    ),
    "relu": ("relu",),
    "silu": ("silu", "swish"),
    "tanh": ("tanh",),
}  # fmt: skip
_OURS = {theirs: ours for ours, names in _ACTIVATIONS.items() for theirs in names}

# Settings under which the same weights compute something else, and the value that we compute.
_FIXED = {
    "is_decoder": False,
    "add_cross_attention": False,
    "is_encoder_decoder": False,
    "position_embedding_type": "absolute",
    "embedding_size": None,
}


def config_to_arguments(
    config: Mapping[str, Any], *, architecture: str | None = None, source: str = "config.json"
) -> tuple[str, EncoderArguments]:
    """Reads a Hugging Face configuration.

    Args:
        config: What `config.json` holds.
        architecture: "bert" or "distilbert", for configurations without a `model_type`.
        source: The file, for messages.

    Returns:
        The architecture and the encoder's arguments.

    Raises:
        PresetError: The configuration is of another architecture, or of a variant that computes
            something else (a decoder, relative positions, an unknown activation, ...).
    """
    supported = ", ".join(TABLES)
    found = config.get("model_type")
    if found is None and architecture is None:
        raise PresetError(
            f"{source} has no model_type; say which one it is with `--architecture` ({supported})"
        )
    if found is not None and architecture is not None and found != architecture:
        raise PresetError(f"{source} has the model_type {found!r}, not {architecture!r} as asked")
    architecture = found if found is not None else architecture
    if not isinstance(architecture, str) or architecture not in TABLES:
        raise PresetError(
            f"{source} has the model_type {architecture!r}, which is not supported; "
            f"choose a model of one of the types {supported}"
        )
    for name, value in _FIXED.items():
        if config.get(name, value) not in (value, None):
            raise PresetError(
                f"{source} sets {name} to {config[name]!r}; only {value!r} is supported"
            )
    values = TABLES[architecture].arguments_from_config(config)
    activation = values["activation"]
    if not isinstance(activation, str) or activation not in _OURS:
        raise PresetError(
            f"{source} has the activation {activation!r}, which is not supported; "
            f"it must be one of {', '.join(_OURS)}"
        )
    values["activation"] = _OURS[activation]
    try:
        return architecture, EncoderArguments.from_dict(values, PresetError)
    except PresetError as problem:
        raise PresetError(f"{source}: {problem}") from None


def arguments_to_config(model: HeadedEncoder, label_names: Sequence[str]) -> dict[str, Any]:
    """A `config.json` with which transformers rebuilds this classifier or tagger.

    It does not compute the same for pooling "mean": transformers has no head over a mean.

    Args:
        model: The classifier or tagger.
        label_names: The names of its labels, in their order.
    """
    config = TABLES[model.architecture].config_from_arguments(model.arguments)
    name = "hidden_act" if model.architecture == "bert" else "activation"
    config[name] = _ACTIVATIONS[config[name]][0]
    config["id2label"] = {str(number): label for number, label in enumerate(label_names)}
    config["label2id"] = {label: number for number, label in enumerate(label_names)}
    (bare,) = config["architectures"]
    config["architectures"] = [bare.replace("ForSequenceClassification", model.twin)]
    if model.pooling != "none":
        config["problem_type"] = "single_label_classification"
    return config


def config_labels(config: Mapping[str, Any]) -> list[str] | None:
    """The label names in `id2label`, in order; None where nobody named them.

    LABEL_0, LABEL_1, ... are transformers' fillers and count as no names.
    """
    names = config.get("id2label")
    if not isinstance(names, Mapping) or not names:
        return None
    try:
        numbered = {int(number): str(name) for number, name in names.items()}
    except (TypeError, ValueError):
        return None
    labels = [numbered.get(number) for number in range(len(numbered))]
    if None in labels or len(set(labels)) < len(labels):
        return None
    if labels == [f"LABEL_{number}" for number in range(len(labels))]:
        return None
    return [str(label) for label in labels]
