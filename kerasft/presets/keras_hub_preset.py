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
from kerasft.architectures import EncoderArguments, Entry, entries_of, layers_by_path
from kerasft.errors import PresetError
from kerasft.presets.pretrained import Pretrained
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.wordpiece import build_wordpiece

SCHEMES = ("kaggle://", "hf://", "modelscope://")
_BACKBONES = {"BertBackbone": "bert", "DistilBertBackbone": "distilbert"}
_SIZES = {  # KerasHub's name -> ours
    "vocabulary_size": "vocab_size",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "max_sequence_length": "max_length",
    **{name: name for name in ("num_layers", "num_heads", "dropout", "num_segments")},
}
_FAMILIES = {"bert", "distil_bert"}  # what KerasHub calls them in its list of presets


def is_keras_hub_config(config: Mapping[str, Any]) -> bool:
    """Whether a config.json was written by KerasHub (and not by transformers)."""
    name = config.get("registered_name")
    return isinstance(name, str) and name.startswith(("keras_hub>", "keras_nlp>"))


def is_keras_hub_name(name: str) -> bool:
    """Whether KerasHub has a built-in preset of this name, of whatever architecture."""
    return name in backends.import_keras_hub().models.Backbone.presets


def load_keras_hub_preset(preset: str, config: Mapping[str, Any] | None = None) -> Pretrained:
    """Loads a KerasHub preset and keeps KerasHub's semantics (approximate GELU in BERT).

    Args:
        preset: A built-in name, a handle ("kaggle://...", "hf://..."), or a directory.
        config: The directory's config.json, where it is one.

    Raises:
        PresetError: It cannot be fetched or read, or is of another architecture.
    """
    hub = backends.import_keras_hub()
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
    architecture = _BACKBONES.get(type(backbone).__name__)
    if architecture is None:
        raise _unsupported(preset, type(backbone).__name__)
    arguments = _arguments(architecture, backbone)
    table = [
        entry
        for entry in entries_of(architecture, arguments, num_labels=2, pooling="first")
        if entry.module not in ("classifier", "pre_classifier")
    ]
    tensors = _tensors(layers_by_path(backbone), table)
    return Pretrained(
        architecture=architecture,
        arguments=arguments,
        tensors=tensors,
        tokenizer=_tokenizer(tokenizer),
        labels=None,
        source=preset,
        sha256=_sha256(tensors),
    )


def _tensors(layers: Mapping[str, Any], table: Iterable[Entry]) -> dict[str, np.ndarray]:
    """A backbone's weights by Hugging Face name. KerasHub calls its layers as we do."""
    tensors = {}
    for entry in table:
        layer = layers[entry.layer]
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
        if name not in _BACKBONES or config.get("registered_name") not in expected:
            raise _unsupported(preset, name)
    elif preset in built_in:
        family = built_in[preset].get("metadata", {}).get("path")
        if family not in _FAMILIES:
            raise _unsupported(preset, str(family))


def _check_size(directory: Path, config: Mapping[str, Any]) -> None:
    """Refuses a configuration of another model than its weights are of, before memory is taken.

    Raises:
        PresetError: A number is out of range, or the weights are fewer than the model's.
    """
    architecture = _BACKBONES[str(config["class_name"])]
    where = directory / "config.json"
    values = config.get("config")
    if not isinstance(values, dict):
        raise PresetError(f"{where} has no config of a backbone")
    for name, value in values.items():
        # Keras would import what such an object names; `dtype` alone is one, and is not used.
        if name != "dtype" and isinstance(value, dict | list):
            raise PresetError(f"{where}: {name} must be a number, not {value!r:.60}")
    known = {ours: values[name] for name, ours in _SIZES.items() if name in values}
    try:
        arguments = EncoderArguments.from_dict(known, PresetError)
    except PresetError as problem:
        raise PresetError(f"{where} cannot be loaded: {problem}") from None
    width = arguments.hidden_size
    # BERT's pooler is no part of an encoder here, but of KerasHub's backbone.
    needed = arguments.parameter_count + (width * width + width) * (architecture == "bert")
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
        f"choose one of {', '.join(_BACKBONES)}"
    )


def _arguments(architecture: str, backbone: keras.Model) -> EncoderArguments:
    """What KerasHub fixes in its code and what the backbone was made with."""
    return EncoderArguments(
        vocab_size=backbone.vocabulary_size,
        num_layers=backbone.num_layers,
        num_heads=backbone.num_heads,
        hidden_size=backbone.hidden_dim,
        intermediate_size=backbone.intermediate_dim,
        max_length=backbone.max_sequence_length,
        dropout=backbone.dropout,
        attention_dropout=backbone.dropout,
        head_dropout=0.1 if architecture == "bert" else 0.2,  # of KerasHub's text classifiers
        num_segments=backbone.num_segments if architecture == "bert" else 0,
        activation="gelu_approximate" if architecture == "bert" else "gelu",
        layer_norm_epsilon=1e-12,
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
