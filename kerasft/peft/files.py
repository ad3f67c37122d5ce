"""Adapters on disk, in the format of Hugging Face PEFT: there is no second one.

    adapter/adapter_config.json            the method, its numbers, which modules (`peft_config.py`)
    adapter/adapter_model.safetensors      base_model.model.<module>.<a method's suffix>
                                           base_model.model.classifier.weight, ...  (the head)

PEFT loads what `save_adapter` writes onto the same base model, and `load_adapter` reads what PEFT
saved, where PEFT has the method.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasft import storage
from kerasft.errors import AdapterError
from kerasft.layers.inner_layers import all_layers
from kerasft.peft import peft_config
from kerasft.peft.adapted import adapted_layers, adapter_of, saved_layers
from kerasft.peft.contents import Contents
from kerasft.peft.inject import Counts, install
from kerasft.peft.model_layers import check_built, in_model_order
from kerasft.peft.modules import Module, Slot, modules_of
from kerasft.peft.peft_config import CONFIG_NAME, PeftConfig
from kerasft.peft.targets import find_any_layers

WEIGHTS_NAME = "adapter_model.safetensors"


@dataclass(frozen=True)
class AdapterReport:
    """What `load_adapter` did.

    Attributes:
        method: The method's name in `METHODS`.
        adapted: Paths of the layers that carry an adapter now.
        trained_in_full: Paths of the layers whose own weights came from the file (the head).
        from_base: Names of the head's modules that the file lacks: they stay as in the base model.
        base_model: What the file calls its base model.
        notes: What the file asks for and does not get, as in PEFT.
        counts: Trained and frozen parameters.
    """

    method: str
    adapted: tuple[str, ...]
    trained_in_full: tuple[str, ...]
    from_base: tuple[str, ...]
    base_model: str
    notes: tuple[str, ...]
    counts: Counts

    def __str__(self) -> str:
        text = f"{len(self.adapted)} layers adapted, "
        text += f"{', '.join(self.trained_in_full) or 'no layer'} loaded in full"
        if self.from_base:
            text += f", {', '.join(self.from_base)} as in the base model"
        return "; ".join([text, *self.notes, str(self.counts)])


def save_adapter(model: keras.Model, directory: str | Path, base_model_name: str) -> None:
    """Writes a model's adapters, and the layers that train in full beside them, as a PEFT folder.

    PEFT itself reads prompts and prefixes of a classifier together with its head only; have it in
    `modules_to_save`.

    Args:
        model: A model with unmerged adapters.
        directory: The folder to write; it may exist if it is empty or an adapter of ours.
        base_model_name: Name or path of the base model, for those who load the adapter.

    Raises:
        AdapterError: The model has no adapters, they are merged, or they hold NaN or infinity.
        ConfigError: The folder cannot be written.

    Example:
        >>> save_adapter(model, "adapter", "distilbert/distilbert-base-uncased")  # doctest: +SKIP
    """
    adapted = adapted_layers(model)
    if not adapted:
        raise AdapterError("The model has no adapters to save; call kerasft.peft.apply first.")
    if any(layer.adapter.is_merged for layer in adapted):
        raise AdapterError(
            "The adapters are merged into the weights; call kerasft.peft.unmerge(model) before "
            "saving them."
        )
    method = adapted[0].adapter.method
    frees_biases = method.frees_biases(adapted[0].adapter.settings)
    in_full = {id(inner) for layer in saved_layers(model) for inner in [layer, *all_layers(layer)]}
    plan: list[tuple[Module, Any]] = []
    own: list[Slot] = []
    whole: list[str] = []
    modules = modules_of(model, method.fits)
    for module in modules.values():
        if adapter := adapter_of(module.layer):
            plan.append((module, adapter.settings))
        elif id(module.layer) in in_full and module.own:
            own += module.own.values()
            whole.append(module.name)
        elif frees_biases:
            own += module.biases
    slots = method.arrays(model, plan)
    tensors = {method.full_name(slot.name): slot.read() for slot in [*slots, *own]}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise AdapterError(
                f"{name} holds NaN or infinity, so the adapter is not saved; train it with a "
                "smaller learning rate."
            )
    has_head = bool(getattr(model, "head_layers", ()))
    # PEFT looks into the file for the head that the task has.
    named = whole or method.array or not has_head
    task = getattr(model, "peft_task", None) if named else None
    settings = {module.name: each for module, each in plan}
    named = _with_one_head(whole, modules.values())
    config = peft_config.to_peft(model, method, settings, named, base_model_name, task)
    with storage.write_folder(directory, is_ours=_is_ours) as folder:
        storage.write_json(folder / CONFIG_NAME, config)
        storage.write_tensors(tensors, folder / WEIGHTS_NAME)


def load_adapter(
    model: keras.Model,
    directory: str | Path,
    *,
    modules_to_save: Sequence[str] = (),
    head_rows: Sequence[int] | None = None,
    any_labels: bool = False,
    files: Mapping[str, bytes] | None = None,
) -> AdapterReport:
    """Puts a saved adapter on a model, ready to predict with or to train further.

    As after `apply`, all is frozen but the adapters and the layers that the file holds in full. A
    compiled model is compiled again.

    Args:
        model: The base model, built and without adapters.
        directory: A PEFT folder, by `save_adapter` or by Hugging Face PEFT.
        modules_to_save: Patterns of further layers that train in full and are saved with it.
        head_rows: For each label of the model the row that it has in the file's `classifier`, where
            that has as many labels in another order.
        any_labels: Whether the model keeps its own `classifier` (and it is listed as such) where
            the file's is of another number of labels; else that is an error.
        files: What its two files hold, by their names, where they were read before.

    Returns:
        What came from the file and what stayed as in the base model.

    Raises:
        AdapterError: The folder is broken, does not fit the model (another architecture, other
            sizes or labels, more or fewer layers), or asks for something unsupported. The model is
            then unchanged.
    """
    directory = Path(directory)
    check_built(model)
    if adapted_layers(model):
        raise AdapterError(
            "The model has adapters already; call kerasft.peft.remove(model) before load_adapter."
        )
    config = PeftConfig.read(directory, None if files is None else files[CONFIG_NAME])
    file = open_weights(directory, config, None if files is None else files[WEIGHTS_NAME])
    contents = Contents(model, config, file, any_labels)
    further = find_any_layers(model, modules_to_save)
    slots = contents.check()
    # Everything is read before the model is touched.
    arrays = {slot.name: _finite(file, config.method.full_name(slot.name)) for slot in slots}
    if head_rows is not None and contents.output:
        head = [slot.name for slot in contents.output.own.values()]
        arrays |= {name: arrays[name][list(head_rows)] for name in head}
    from_file = [module.layer for module in contents.whole.values()]
    report = install(
        model,
        config.method,
        [(module.layer, config.settings(name)) for name, module in contents.adapted.items()],
        in_model_order(model, {id(layer): layer for layer in [*from_file, *further]}.values()),
        is_loading=True,
    )
    for slot in slots:
        slot.write(arrays[slot.name])
    return AdapterReport(
        method=config.method.name,
        adapted=report.adapted,
        trained_in_full=tuple(layer.path for layer in from_file),
        from_base=contents.from_base,
        base_model=config.base_model,
        notes=config.notes,
        counts=report.counts,
    )


def open_weights(directory: Path, config: PeftConfig, raw: bytes | None = None) -> storage.Tensors:
    """The tensors of an adapter, each read when it is asked for.

    Args:
        directory: A PEFT folder.
        raw: What its file of weights holds, where it was read before.

    Raises:
        AdapterError: The file is missing or broken, or a tensor is not of floats.
    """
    path = directory / WEIGHTS_NAME
    if raw is None and not path.is_file():
        others = sorted(directory.glob(f"{path.stem}.*"))
        hint = f"; {others[0].name} is a pickle, which is never read" if others else ""
        raise AdapterError(f"{path} does not exist{hint}; save the adapter as safetensors.")
    return storage.Tensors(path, raw, error=AdapterError, spelling=config.method.spelling)


def _with_one_head(whole: list[str], modules: Iterable[Module]) -> list[str]:
    """Names the module that holds all layers of a head in their place.

    PEFT saves a module called `classifier` whole, whatever `modules_to_save` says, and does not
    bear it that its parts are named as well.
    """
    head = next((each.name.partition(".")[0] for each in modules if each.is_output), None)
    parts = {each.name for each in modules if each.name.startswith(f"{head}.")}
    if not parts or not parts <= set(whole):
        return whole
    return [*(name for name in whole if name not in parts), str(head)]


def _finite(file: storage.Tensors, name: str) -> np.ndarray:
    array = file[name]
    if not np.isfinite(array).all():
        raise AdapterError(
            f"{file.path} holds NaN or infinity in {name!r}; train or copy the adapter again."
        )
    return array


def _is_ours(directory: Path) -> bool:
    return {path.name for path in directory.iterdir()} == {CONFIG_NAME, WEIGHTS_NAME}
