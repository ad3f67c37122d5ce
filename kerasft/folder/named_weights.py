"""Weights under their Hugging Face names, those of an adapter in files of their own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError, KerasftError
from kerasft.folder import contents
from kerasft.folder.opened import Opened
from kerasft.folder.reading import problem
from kerasft.folder.weights import ADAPTER_PREFIX, Tensors, full_modules
from kerasft.folder.writing import write_weights

if TYPE_CHECKING:
    from kerasft.architectures import T5, Entry, HeadedEncoder


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
    from kerasft.architectures import to_tensors

    in_adapter: set[str] = set()
    if peft.adapted_layers(model):
        adapter = (folder / contents.ADAPTER_CONFIG).parent
        adapter.mkdir()
        peft.save_adapter(model, adapter, base_model)
        in_adapter = full_modules(Tensors(folder / contents.ADAPTER_WEIGHTS))
    tensors = to_tensors(model, lambda entry: entry.module not in in_adapter)
    write_weights(tensors, folder / contents.WEIGHTS)


class NamedWeights:
    """What `write_named_weights` wrote, of a folder that was opened.

    Args:
        opened: The folder.

    Raises:
        BundleError: A file is no safetensors file.
    """

    def __init__(self, opened: Opened) -> None:
        folder = opened.path
        self._base_file = folder / contents.WEIGHTS
        self._adapter_file = folder / contents.ADAPTER_WEIGHTS
        self._base = Tensors(self._base_file, opened.take(contents.WEIGHTS))
        self._adapter: dict[str, bytes] = {}
        self._adapter_shapes: dict[str, tuple[int, ...]] = {}
        if opened.manifest.has_adapter:
            self._adapter = {Path(name).name: opened.take(name) for name in contents.ADAPTER}
            raw = self._adapter[self._adapter_file.name]
            self._adapter_shapes = Tensors(self._adapter_file, raw).shapes

    def check(self, entries: Iterable[Entry]) -> None:
        """Refuses weights that are not those of a model, before it is built.

        Args:
            entries: The model's name table.

        Raises:
            BundleError: A weight is missing, misshapen, or has no place in the model; the sentence
                names it and its file.
        """
        base, adapter = dict(self._base.shapes), dict(self._adapter_shapes)
        in_adapter = full_modules(adapter)
        for entry in entries:
            whole = entry.module in in_adapter
            file = self._adapter_file if whole else self._base_file
            for parameter in entry.parameters:
                name = ADAPTER_PREFIX + parameter.name if whole else parameter.name
                shape = (adapter if whole else base).pop(name, None)
                if shape is None:
                    raise BundleError(f"{file} has no tensor {name!r}.")
                if shape != parameter.shape:
                    raise BundleError(
                        f"{file} holds {name!r} in the shape {shape}, but {contents.MANIFEST} asks "
                        f"for {parameter.shape}."
                    )
        if base:
            raise BundleError(
                f"{self._base_file} holds {min(base)!r}, for which the model has no place."
            )

    def load_into(self, model: HeadedEncoder | T5) -> None:
        """Fills a model, and puts its adapter on it, after `check`.

        Args:
            model: The model, without adapters.

        Raises:
            BundleError: The adapter does not fit.
        """
        from kerasft import peft
        from kerasft.architectures import load_tensors

        load_tensors(model, self._base, self._base.shapes, str(self._base_file))
        if self._adapter:
            folder = self._adapter_file.parent
            try:
                peft.load_adapter(model, folder, files=self._adapter)
            except KerasftError as error:
                raise BundleError(f"{folder} does not fit: {problem(error)}.") from error
