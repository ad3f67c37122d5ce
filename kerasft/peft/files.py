"""Adapters on disk, in the format of Hugging Face PEFT: there is no second one.

    adapter/adapter_config.json            the method, its numbers, which modules (`peft_config.py`)
    adapter/adapter_model.safetensors      base_model.model.<module>.<a method's suffix>
                                           base_model.model.classifier.weight, ...  (the head)

PEFT loads what `save_adapter` writes onto the same base model, and `load_adapter` reads what PEFT
saved, where PEFT has the method.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasft import storage
from kerasft.errors import AdapterError
from kerasft.peft import peft_config
from kerasft.peft.adapted import adapted_layers, adapter_of, saved_layers
from kerasft.peft.inject import Counts, install
from kerasft.peft.model_layers import all_layers, check_built, in_model_order
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
    in_full = {id(inner) for layer in saved_layers(model) for inner in [layer, *all_layers(layer)]}
    slots: list[Slot] = []
    settings: dict[str, Any] = {}
    whole: list[str] = []
    for module in modules_of(model).values():
        if adapter := adapter_of(module.layer):
            slots += method.slots(module, adapter.settings)
            settings[module.name] = adapter.settings
        elif id(module.layer) in in_full:
            slots += module.own.values()
            whole.append(module.name)
    tensors = {method.prefix + slot.name: slot.read() for slot in slots}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise AdapterError(
                f"{name} holds NaN or infinity, so the adapter is not saved; train it with a "
                "smaller learning rate."
            )
    task = getattr(model, "peft_task", None)
    config = peft_config.to_peft(method, settings, whole, base_model_name, task)
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
    contents = _Contents(model, config, file, any_labels)
    further = find_any_layers(model, modules_to_save)
    slots = contents.check()
    # Everything is read before the model is touched.
    arrays = {slot.name: _finite(file, config.method.prefix + slot.name) for slot in slots}
    if head_rows is not None and "classifier" in contents.whole:
        head = [name for name in arrays if name.startswith("classifier.")]
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


class _Contents:
    """An adapter's file laid beside a model: which module each tensor belongs to.

    Attributes:
        adapted: Modules that get an adapter, by name.
        whole: Modules whose own variables are in the file, by name.
        from_base: Names of the head's modules that are in neither.
    """

    def __init__(
        self, model: keras.Model, config: PeftConfig, file: storage.Tensors, any_labels: bool
    ) -> None:
        self._config, self._file = config, file
        self._task = getattr(model, "peft_task", None)
        self._prefix = config.method.prefix
        modules = modules_of(model)
        owners = {slot.name: each for each in modules.values() for slot in each.own.values()}
        adapted, whole = set(), set()
        for name in file:
            plain = name.removeprefix(self._prefix)
            owner = owners.get(plain)
            target = self._target(plain)
            if target and not (owner and config.saves(owner.name)):
                adapted.add(target)
                owner = modules.get(target)
            elif owner:
                whole.add(owner.name)
            if owner is None or plain == name:
                raise AdapterError(self._unknown(name, modules))
        # In the model's order, not the file's: fresh variables and reports follow it.
        self.adapted = {name: modules[name] for name in modules if name in adapted}
        self.whole = {name: modules[name] for name in modules if name in whole}
        self._check_targets(modules)
        head = self.whole.get("classifier")
        if any_labels and head and any(map(self._is_of_other_labels, head.own.values())):
            del self.whole["classifier"]
        self.from_base = tuple(
            module.name
            for module in modules.values()
            if module.head and module.name not in {*self.adapted, *self.whole}
        )

    def _target(self, name: str) -> str | None:
        """The module whose adapter a tensor is of, by the end of its name."""
        suffixes = self._config.method.suffixes
        return next((name[: -len(s) - 1] for s in suffixes if name.endswith(f".{s}")), None)

    def _unknown(self, name: str, modules: Mapping[str, Module]) -> str:
        """Says why a tensor has no place in the model."""
        method, prefix = self._config.method, self._prefix
        where = f"{self._file.path} holds {name!r}"
        again = "save the adapter again with PEFT's save_pretrained"
        owner = next((each for each in modules if f".{each}." in f".{name}"), None)
        if owner:
            before, _, after = f".{name}".partition(f".{owner}.")
            before = f"{before}.".removeprefix(".")
            if before != prefix:
                return (
                    f"{where}, but an adapter's names begin with {prefix!r} and not with "
                    f"{before or owner!r}; PEFT does not load it either: {again}."
                )
            if refusal := method.refusal(after):
                return f"{where}, {refusal}, which is not supported; {again} without it."
            marks = (suffix.partition("_")[0] for suffix in method.suffixes)
            if after.startswith(("modules_to_save.", "original_module.", "base_layer.", *marks)):
                only = " and ".join(map(repr, method.suffixes))
                return (
                    f"{where}, but after {owner!r} an adapter's file has only {only}, or the "
                    f"module's own weights, without a name between; {again}."
                )
        bare = name.removeprefix(prefix)
        if any(
            rest and bare.startswith(f"{rest}.") for rest in (n.partition(".")[2] for n in modules)
        ):
            return (
                f"{where}, so it was trained on the bare model without a head, but this one has "
                "it; PEFT does not load it here either."
            )
        roots = {each.partition(".")[0] for each in modules}
        if bare.partition(".")[0] not in roots:
            adaptable = [each for each in modules.values() if method.fits(each.layer)]
            example = (adaptable or [*modules.values()])[0].name
            return (
                f"{self._file.path} is of another architecture: it holds {name!r}, but this "
                f"model's modules are called like {example!r}; load it onto the kind of model that "
                "it was trained on."
            )
        return (
            f"{where}, which has no place in this model; the adapter was "
            "trained on a model with more layers or other parts."
        )

    def _check_targets(self, modules: Mapping[str, Module]) -> None:
        """Compares what the config names with what the file holds."""
        where = self._file.path
        if both := sorted(set(self.adapted) & set(self.whole)):
            raise AdapterError(f"{where} both adapts and replaces {both[0]!r}; only one can be.")
        if not self.adapted:
            method = self._config.method
            raise AdapterError(
                f"{where} holds no tensor of {method.title} ({', '.join(method.suffixes)}), so "
                "there is nothing to load; save the adapter again."
            )
        fits = self._config.method.fits
        adaptable = [name for name, module in modules.items() if fits(module.layer)]
        expected = {name for name in adaptable if self._config.targets(name)}
        if self._config.takes_all:
            expected = set(self.adapted)
        for name in adaptable:
            if name in expected and name not in self.adapted:
                raise AdapterError(
                    f"{where} holds nothing for {name!r}, which its {CONFIG_NAME} targets; the "
                    "adapter is incomplete, or was trained on a model with fewer layers."
                )
            if name in self.adapted and name not in expected:
                raise AdapterError(
                    f"{where} holds an adapter for {name!r}, which its {CONFIG_NAME} does not "
                    "target; the two files do not belong together."
                )
        for name in modules:
            if self._config.saves(name) and name not in self.whole:
                raise AdapterError(
                    f"{where} holds nothing for {name!r}, which its {CONFIG_NAME} names in "
                    "modules_to_save; the adapter is incomplete."
                )

    def check(self) -> list[Slot]:
        """Compares every shape with the model's, before any memory is taken.

        Returns:
            What is to be filled from the file.

        Raises:
            AdapterError: A tensor is missing or misshapen, or a layer cannot be adapted.
        """
        config, method, path = self._config, self._config.method, self._file.path
        if self._task and config.task_type not in (None, self._task):
            raise AdapterError(
                f"{path.parent} was trained for the task {config.task_type!r}, but this model is "
                f"one for {self._task!r}; load it onto a model of its own task."
            )
        slots: list[Slot] = []
        for name, module in self.adapted.items():
            settings = config.settings(name)
            try:
                method.check(module.layer, settings)
            except AdapterError as problem:
                raise AdapterError(f"{path} adapts {name!r}: {problem}") from None
            slots += method.slots(module, settings)
        for module in self.whole.values():
            slots += module.own.values()
        for slot in slots:
            self._check_shape(slot.name, slot.shape)
        return slots

    def _is_of_other_labels(self, slot: Slot) -> bool:
        shape = self._file.shapes.get(self._prefix + slot.name, slot.shape)
        return len(shape) == len(slot.shape) and shape[0] != slot.shape[0]

    def _check_shape(self, name: str, wanted: tuple[int, ...]) -> None:
        path, full = self._file.path, self._prefix + name
        shape = self._file.shapes.get(full)
        if shape is None:
            raise AdapterError(
                f"{path} lacks {full!r}; the adapter is incomplete, save or copy it again."
            )
        if shape == wanted:
            return
        if name.startswith("classifier.") and shape[1:] == wanted[1:]:
            raise AdapterError(
                f"{path} has a head for {shape[0]} labels, but the model has {wanted[0]}; build "
                f"the model with num_labels={shape[0]}."
            )
        raise AdapterError(
            f"{path} holds {full!r} of shape {shape}, but this model and the adapter's "
            f"config ask for {wanted}."
        )


def _finite(file: storage.Tensors, name: str) -> np.ndarray:
    array = file[name]
    if not np.isfinite(array).all():
        raise AdapterError(
            f"{file.path} holds NaN or infinity in {name!r}; train or copy the adapter again."
        )
    return array


def _is_ours(directory: Path) -> bool:
    return {path.name for path in directory.iterdir()} == {CONFIG_NAME, WEIGHTS_NAME}
