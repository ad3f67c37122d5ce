"""The families of encoders by name, and which of them a `config.json` is of."""

from collections.abc import Mapping
from typing import Any

from kerasft.architectures.architecture import EncoderArchitecture
from kerasft.architectures.bert import Bert
from kerasft.architectures.distilbert import DistilBert
from kerasft.architectures.encoder import EncoderArguments
from kerasft.errors import ConfigError, PresetError

ENCODERS: dict[str, EncoderArchitecture] = {each.name: each for each in (Bert(), DistilBert())}
"""The families of encoders by name. A further one is a file and a name here."""


def find_encoder(name: str) -> EncoderArchitecture:
    """The family of encoders of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in ENCODERS:
        raise ConfigError(
            f"the architecture {name!r} is not supported; it must be one of {', '.join(ENCODERS)}"
        )
    return ENCODERS[name]


def config_to_arguments(
    config: Mapping[str, Any], *, architecture: str | None = None, source: str = "config.json"
) -> tuple[str, EncoderArguments]:
    """Reads a Hugging Face configuration.

    Args:
        config: What `config.json` holds.
        architecture: The family's name, for configurations without a `model_type`.
        source: The file, for messages.

    Returns:
        The family's name and the encoder's arguments.

    Raises:
        PresetError: The configuration is of another architecture, or of a variant that computes
            something else (a decoder, relative positions, an unknown activation, ...).
    """
    supported = ", ".join(ENCODERS)
    found = config.get("model_type")
    if found is None and architecture is None:
        raise PresetError(
            f"{source} has no model_type; say which one it is with `--architecture` ({supported})"
        )
    if found is not None and architecture is not None and found != architecture:
        raise PresetError(f"{source} has the model_type {found!r}, not {architecture!r} as asked")
    name = found if found is not None else architecture
    if not isinstance(name, str) or name not in ENCODERS:
        raise PresetError(
            f"{source} has the model_type {name!r}, which is not supported; "
            f"choose a model of one of the types {supported}"
        )
    return name, ENCODERS[name].arguments_from_config(config, source)


def config_labels(config: Mapping[str, Any]) -> list[str] | None:
    """The label names in `id2label`, in order; None without names.

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
