"""Weights under their Hugging Face names, those of an adapter in files of their own."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft import storage
from kerasft.errors import FolderError, KerasftError
from kerasft.folder import contents
from kerasft.folder.opened import Opened
from kerasft.folder.reading import problem
from kerasft.folder.writing import write_weights

if TYPE_CHECKING:
    from kerasft.architectures import Entry, TwinModel


def write_named_weights(model: TwinModel, folder: Path, base_model: str) -> None:
    """Writes the weights of a model, and its adapter if it has any.

    An adapter goes into `adapter/`, with the weights that trained beside it or as part of it (the
    head, biases); all others go into `model.safetensors`. Each weight is in exactly one file.

    Args:
        model: The model, with its adapters on it (unmerged) if it has any.
        folder: Where to write.
        base_model: Where the pretrained weights came from.

    Raises:
        ConfigError: Weights are not numbers any more.
    """
    from kerasft import peft
    from kerasft.architectures import to_tensors

    tensors = to_tensors(model)
    if adapted := peft.adapted_layers(model):
        prefix = adapted[0].adapter.method.prefix
        adapter = (folder / contents.ADAPTER_CONFIG).parent
        adapter.mkdir()
        peft.save_adapter(model, adapter, base_model)
        for name in storage.Tensors(folder / contents.ADAPTER_WEIGHTS, error=FolderError):
            tensors.pop(name.removeprefix(prefix), None)
    write_weights(tensors, folder / contents.WEIGHTS)


class NamedWeights:
    """What `write_named_weights` wrote, of a folder that was opened.

    Args:
        opened: The folder.

    Raises:
        FolderError: A file is no safetensors file.
    """

    def __init__(self, opened: Opened) -> None:
        folder = opened.path
        raw = opened.take(contents.WEIGHTS)
        self._base = storage.Tensors(
            folder / contents.WEIGHTS, raw, error=FolderError, kinds=("F32",)
        )
        self._files: dict[str, bytes] = {}
        self._adapter: storage.Tensors | None = None
        if opened.manifest.has_adapter:
            self._files = {Path(name).name: opened.take(name) for name in contents.ADAPTER}
            file = folder / contents.ADAPTER_WEIGHTS
            prefix = _prefix(file.parent, self._files[Path(contents.ADAPTER_CONFIG).name])
            self._adapter = storage.Tensors(
                file, self._files[file.name], error=FolderError, kinds=("F32",),
                spelling=lambda name: name.removeprefix(prefix),
            )  # fmt: skip

    def check(self, entries: Iterable[Entry]) -> None:
        """Refuses weights that are not those of a model, before it is built.

        Args:
            entries: The model's name table.

        Raises:
            FolderError: A weight is missing, misshapen, or has no place in the model; the sentence
                names it and its file.
        """
        files = [self._base, *([self._adapter] if self._adapter is not None else [])]
        unused = set(self._base)
        for parameter in (each for entry in entries for each in entry.parameters):
            file = next((each for each in reversed(files) if parameter.name in each), None)
            if file is None:
                nor = "".join(f", nor has {each.path}" for each in files[1:])
                raise FolderError(f"{files[0].path} has no tensor {parameter.name!r}{nor}.")
            if file.shapes[parameter.name] != parameter.shape:
                raise FolderError(
                    f"{file.path} holds {parameter.name!r} in the shape "
                    f"{file.shapes[parameter.name]}, but {contents.MANIFEST} asks for "
                    f"{parameter.shape}."
                )
            if file is self._base:
                unused.remove(parameter.name)
        if unused:
            raise FolderError(
                f"{self._base.path} holds {min(unused)!r}, for which the model has no place."
            )

    def load_into(self, model: TwinModel) -> None:
        """Fills a model, and puts its adapter on it, after `check`.

        Args:
            model: The model, without adapters.

        Raises:
            FolderError: The adapter does not fit.
        """
        from kerasft import peft
        from kerasft.architectures import load_tensors

        adapter = {} if self._adapter is None else self._adapter
        shapes = {**self._base.shapes, **getattr(adapter, "shapes", {})}
        tensors: Any = ChainMap(adapter, self._base)  # type: ignore[arg-type]  # it is only read
        load_tensors(model, tensors, shapes, str(self._base.path))
        if self._adapter is not None:
            folder = self._adapter.path.parent
            try:
                peft.load_adapter(model, folder, files=self._files)
            except KerasftError as error:
                raise FolderError(f"{folder} does not fit: {problem(error)}.") from error


def _prefix(folder: Path, config: bytes) -> str:
    """What stands before the model's names in an adapter's file, which depends on its method."""
    from kerasft.peft.peft_config import PeftConfig

    try:
        return PeftConfig.read(folder, config).method.prefix
    except KerasftError as error:
        raise FolderError(f"{folder} does not fit: {problem(error)}.") from error
