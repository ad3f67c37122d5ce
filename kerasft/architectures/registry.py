"""The families of encoders by name, and which of them a `config.json` is of."""

import difflib
from collections.abc import Mapping
from typing import Any

from kerasft.architectures.albert import Albert
from kerasft.architectures.architecture import EncoderArchitecture
from kerasft.architectures.bert import Bert
from kerasft.architectures.deberta_v2 import DebertaV2
from kerasft.architectures.distilbert import DistilBert
from kerasft.architectures.electra import Electra
from kerasft.architectures.encoder import EncoderArguments
from kerasft.architectures.modernbert import ModernBert
from kerasft.architectures.mpnet import MPNet
from kerasft.architectures.roberta import Roberta
from kerasft.errors import ConfigError, PresetError

ENCODERS: dict[str, EncoderArchitecture] = {
    each.name: each
    for each in (
        Albert(),
        Bert(),
        DebertaV2(),
        DistilBert(),
        Electra(),
        ModernBert(),
        MPNet(),
        Roberta(),
    )
}
"""The families of encoders by name. A further one is a file and a name here."""

MODEL_TYPES: dict[str, EncoderArchitecture] = {
    kind: each for each in ENCODERS.values() for kind in (each.name, *each.model_types)
}
"""The families by the `model_type`s that they read."""


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
        architecture: Its `model_type`, for configurations that do not say it.
        source: The file, for messages.

    Returns:
        The family's name and the encoder's arguments.

    Raises:
        PresetError: The configuration is of another architecture, or of a variant that computes
            something else (a decoder, relative positions, an unknown activation, ...).
    """
    supported = ", ".join(MODEL_TYPES)
    found = config.get("model_type")
    if found is None and architecture is None:
        raise PresetError(
            f"{source} has no model_type; say which one it is with `--architecture` ({supported})"
        )
    kind = architecture if found is None else found
    family = MODEL_TYPES.get(kind) if isinstance(kind, str) else None
    if family is None:
        near = difflib.get_close_matches(str(kind), MODEL_TYPES, 1)
        hint = f" (the nearest is {near[0]})" if near else ""
        raise PresetError(
            f"{source} has the model_type {kind!r}, which is not supported; "
            f"choose a model of one of the types {supported}{hint}"
        )
    if architecture is not None and MODEL_TYPES.get(architecture) is not family:
        raise PresetError(f"{source} has the model_type {found!r}, not {architecture!r} as asked")
    return family.name, family.arguments_from_config(config, source)


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
