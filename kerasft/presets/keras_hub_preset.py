"""A KerasHub preset, loaded by KerasHub itself: a built-in name, a handle, or a directory."""

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np

from kerasft import backends
from kerasft.architectures import (
    ENCODERS,
    KERAS_HUB_SIZES,
    EncoderArchitecture,
    EncoderArguments,
    Entry,
    layers_by_path,
)
from kerasft.architectures.architecture import KerasHubTwin
from kerasft.errors import ConfigError, PresetError
from kerasft.presets.pretrained import Pretrained
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.wordpiece import build_wordpiece

SCHEMES = ("kaggle://", "hf://", "modelscope://")
_FAMILIES = {
    f"{twin.prefix}Backbone": (family, twin)
    for family in ENCODERS.values()
    if (twin := family.keras_hub)
}
"""KerasHub's class of a backbone -> the family here and there."""


def is_keras_hub_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json was written by KerasHub (and not by transformers)."""
    name = config.get("registered_name")
    return isinstance(name, str) and name.startswith(("keras_hub>", "keras_nlp>"))


def is_keras_hub_name(name: str) -> bool:
    """Whether KerasHub has a built-in preset of this name, of whatever architecture.

    All of its names have a "_" in them and no "/"; no model of the Hub without an owner has one.
    """
    return "_" in name and "/" not in name and name in _hub(name).models.Backbone.presets


def _hub(preset: str) -> Any:
    """KerasHub.

    Raises:
        PresetError: It is not installed.
    """
    try:
        return backends.import_keras_hub()
    except ConfigError as error:
        raise PresetError(f"the preset {preset!r} is one of KerasHub: {error}") from None


def load_keras_hub_preset(preset: str, config: Mapping[str, Any] | None = None) -> Pretrained:
    """Loads a KerasHub preset and keeps KerasHub's semantics (approximate GELU in BERT).

    Args:
        preset: A built-in name, a handle ("kaggle://...", "hf://..."), or a directory.
        config: The directory's config.json, where it is one.

    Raises:
        PresetError: It cannot be fetched or read, or is of another architecture.
    """
    hub = _hub(preset)
    _refuse_others(preset, config, hub.models.Backbone.presets)
    if config is not None:
        _check_size(Path(preset), config)
    try:
        with backends.without_tensorflow():
            backbone = hub.models.Backbone.from_preset(preset, dtype="float32")
            tokenizer = hub.models.Tokenizer.from_preset(preset)
    except Exception as error:  # KerasHub lets the errors of many libraries through
        raise PresetError(
            f"the KerasHub preset {preset!r} cannot be loaded ({_reason(error)}); "
            "use `--preset minilm` or a local directory with config.json and model.safetensors"
        ) from error
    if type(backbone).__name__ not in _FAMILIES:
        raise _unsupported(preset, type(backbone).__name__)
    family, twin = _FAMILIES[type(backbone).__name__]
    values = {ours: getattr(backbone, theirs, 0) for theirs, ours in KERAS_HUB_SIZES.items()}
    values |= {**twin.fixed, "attention_dropout": values["dropout"]}
    arguments = EncoderArguments.from_dict(values, PresetError)
    tensors = _tensors(layers_by_path(backbone), _table(family, arguments), twin)
    return Pretrained(
        architecture=family.name,
        arguments=arguments,
        tensors=tensors,
        tokenizer=_tokenizer(tokenizer),
        labels=None,
        source=preset,
        sha256=_sha256(tensors),
    )


def _table(family: EncoderArchitecture, arguments: EncoderArguments) -> list[Entry]:
    """The names of the weights of KerasHub's backbone, which may have a pooler."""
    entries = family.entries(arguments, num_labels=2, pooling="first")
    return [entry for entry in entries if entry.module not in family.head_modules]


def _tensors(
    layers: Mapping[str, Any], table: Iterable[Entry], twin: KerasHubTwin
) -> dict[str, np.ndarray]:
    """A backbone's weights by Hugging Face name."""
    tensors = {}
    for entry in table:
        layer = layers[twin.path_of(entry)]
        for parameter in entry.parameters:
            # Its table of positions alone is no Embedding.
            found = getattr(layer, "position_embeddings", None)
            variable = getattr(layer, parameter.attribute) if found is None else found
            array = keras.ops.convert_to_numpy(variable)
            tensors[parameter.name] = entry.to_hugging_face(array, parameter)
    return tensors


def _refuse_others(
    preset: str, config: Mapping[str, Any] | None, built_in: Mapping[str, Any]
) -> None:
    """Refuses other architectures, as far as one can tell before a download."""
    if config is not None:
        name = str(config.get("class_name"))
        expected = {f"keras_hub>{name}", f"keras_nlp>{name}"}
        if name not in _FAMILIES or config.get("registered_name") not in expected:
            raise _unsupported(preset, name)
    elif preset in built_in:
        family = built_in[preset].get("metadata", {}).get("path")
        if family not in {twin.presets for _, twin in _FAMILIES.values()}:
            raise _unsupported(preset, str(family))


def _check_size(directory: Path, config: Mapping[str, Any]) -> None:
    """Refuses a configuration of another model than its weights are of, before memory is taken.

    Raises:
        PresetError: A number is out of range, or the weights are fewer than the model's.
    """
    family, _ = _FAMILIES[str(config["class_name"])]
    where = directory / "config.json"
    values = config.get("config")
    if not isinstance(values, dict):
        raise PresetError(f"{where} has no config of a backbone")
    for name, value in values.items():
        # Keras would import what such an object names; `dtype` alone is one, and is not used.
        if name != "dtype" and isinstance(value, dict | list):
            raise PresetError(f"{where}: {name} must be a number, not {value!r:.60}")
    known = {ours: values[name] for name, ours in KERAS_HUB_SIZES.items() if name in values}
    try:
        arguments = EncoderArguments.from_dict(known, PresetError)
    except PresetError as problem:
        raise PresetError(f"{where} cannot be loaded: {problem}") from None
    table = _table(family, arguments)
    needed = sum(math.prod(each.shape) for entry in table for each in entry.parameters)
    files = sorted(directory.glob("*.weights.h5"))
    if not files:
        raise PresetError(f"{directory} cannot be loaded: it has no model.weights.h5")
    held = _numbers_in(files)
    if held < needed:
        raise PresetError(
            f"{where} asks for a model of {needed:,} weights, but {directory} holds {held:,}; they "
            "do not belong together"
        )


def _numbers_in(paths: list[Path]) -> int:
    """How many numbers stand in HDF5 files; what they only say that there is does not count."""
    total = 0
    for path in paths:
        sizes: list[int] = []

        def add(_: str, item: Any, sizes: list[int] = sizes) -> None:
            if isinstance(item, h5py.Dataset):
                stored = item.id.get_storage_size() // max(1, item.dtype.itemsize)
                sizes.append(min(math.prod(item.shape), stored))

        try:
            with h5py.File(path, "r") as file:
                file.visititems(add)
        except Exception as error:  # h5py raises whatever the library in C met
            raise PresetError(f"{path} is not a whole HDF5 file ({_reason(error)})") from None
        total += sum(sizes)
    return total


def _reason(error: Exception) -> str:
    """A few words: the HTTP clients' own run over many lines."""
    if type(error).__module__.split(".")[0] in ("requests", "urllib3", "httpx", "httpx2"):
        return "its server cannot be reached"
    return (str(error).strip() or type(error).__name__).split("\n")[0][:300]


def _unsupported(preset: str, found: str) -> PresetError:
    return PresetError(
        f"the KerasHub preset {preset!r} is of the architecture {found!r}, which is not supported; "
        f"choose one of {', '.join(_FAMILIES)}"
    )


def _tokenizer(tokenizer: Any) -> Tokenizer:
    vocabulary = {piece: number for number, piece in enumerate(tokenizer.get_vocabulary())}
    return Tokenizer(
        build_wordpiece(
            vocabulary,
            tokenizer.lowercase,
            strip_accents=tokenizer.strip_accents,
            split_chinese=tokenizer.split_on_cjk,
        )
    )


def _sha256(tensors: Mapping[str, np.ndarray]) -> str:
    """Over names and values, as HDF5 files of the same weights differ."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(tensors[name], "<f4").tobytes())
    return digest.hexdigest()
