"""Weights under their Hugging Face names, those of an adapter in files of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.bundle import contents
from kerasft.bundle.contents import Manifest
from kerasft.bundle.reading import problem
from kerasft.bundle.weights import ADAPTER_PREFIX, Tensors, full_modules
from kerasft.bundle.writing import write_weights
from kerasft.errors import BundleError, KerasftError

if TYPE_CHECKING:
    from kerasft.models import T5, HeadedEncoder
    from kerasft.weight_maps import Entry


def write_named_weights(model: HeadedEncoder | T5, folder: Path, base_model: str) -> None:
    """Writes the weights of a model, and its adapter if it has any.

    With LoRA, the adapter and the layers that trained fully go into `adapter/`, all other weights
    into `model.safetensors`; each weight is in exactly one file. Otherwise all are in
    `model.safetensors`.

    Args:
        model: The model, with its adapters on it (unmerged) if it has any.
        folder: Where to write.
        base_model: Where the pretrained weights came from.

    Raises:
        ConfigError: Weights are not numbers any more.
    """
    from kerasft import peft
    from kerasft.weight_maps import to_tensors

    in_adapter: set[str] = set()
    if peft.adapted_layers(model):
        adapter = (folder / contents.ADAPTER_CONFIG).parent
        adapter.mkdir()
        peft.save_adapter(model, adapter, base_model)
        in_adapter = full_modules(folder / contents.ADAPTER_WEIGHTS)
    tensors = to_tensors(model, lambda entry: entry.module not in in_adapter)
    write_weights(tensors, folder / contents.WEIGHTS)


def check_named_weights(folder: Path, manifest: Manifest, entries: Iterable[Entry]) -> None:
    """Refuses files of weights that are not those of a model, before it is built.

    Args:
        folder: Holds what `write_named_weights` wrote.
        manifest: What its `bundle.json` says.
        entries: The model's name table.

    Raises:
        BundleError: A weight is missing, misshapen, or has no place in the model; the sentence
            names it and its file.
    """
    base = dict(Tensors(folder / contents.WEIGHTS).shapes)
    adapter: dict[str, tuple[int, ...]] = {}
    in_adapter: set[str] = set()
    if manifest.has_adapter:
        file = folder / contents.ADAPTER_WEIGHTS
        adapter, in_adapter = dict(Tensors(file).shapes), full_modules(file)
    for entry in entries:
        whole = entry.module in in_adapter
        file = folder / (contents.ADAPTER_WEIGHTS if whole else contents.WEIGHTS)
        for parameter in entry.parameters:
            name = ADAPTER_PREFIX + parameter.name if whole else parameter.name
            shape = (adapter if whole else base).pop(name, None)
            if shape is None:
                raise BundleError(f"{file} has no tensor {name!r}.")
            if shape != parameter.shape:
                raise BundleError(
                    f"{file} holds {name!r} in the shape {shape}, but {contents.MANIFEST} asks for "
                    f"{parameter.shape}."
                )
    if base:
        raise BundleError(
            f"{folder / contents.WEIGHTS} holds {min(base)!r}, for which the model has no place."
        )


def load_named_weights(model: HeadedEncoder | T5, folder: Path, manifest: Manifest) -> None:
    """Fills a model from files that `check_named_weights` has seen, and puts its adapter on it.

    Args:
        model: The model, without adapters.
        folder: Holds what `write_named_weights` wrote.
        manifest: What its `bundle.json` says.

    Raises:
        BundleError: The adapter does not fit.
    """
    from kerasft import peft
    from kerasft.weight_maps import load_tensors

    tensors = Tensors(folder / contents.WEIGHTS)
    load_tensors(model, tensors, tensors.shapes, str(folder / contents.WEIGHTS))
    if manifest.has_adapter:
        try:
            peft.load_adapter(model, (folder / contents.ADAPTER_CONFIG).parent)
        except KerasftError as error:
            raise BundleError(f"{folder / 'adapter'} does not fit: {problem(error)}.") from error
