"""Adapters on disk, in the format of Hugging Face PEFT: there is no second one.

    adapter/adapter_config.json            rank, alpha, which modules (see `peft_config.py`)
    adapter/adapter_model.safetensors      base_model.model.<module>.lora_A.weight  (rank, in)
                                           base_model.model.<module>.lora_B.weight  (out, rank)
                                           base_model.model.classifier.weight, ...  (the head)

PEFT loads what `save_adapter` writes onto the same base model, and `load_adapter` reads what PEFT
saved.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from kerasft import storage
from kerasft.architectures import T5, Classifier, HeadedEncoder
from kerasft.errors import AdapterError
from kerasft.peft.adapted import (
    adapted_layers,
    all_layers,
    check_built,
    in_model_order,
    saved_layers,
)
from kerasft.peft.inject import Counts, install
from kerasft.peft.methods.lora import LoRALayer, adapt, check_adaptable, factors_of
from kerasft.peft.methods.lora_settings import LoRASettings
from kerasft.peft.modules import Module, Slot, modules_of
from kerasft.peft.peft_config import ALL_LINEAR, CONFIG_NAME, PeftConfig
from kerasft.peft.targets import DENSE_KINDS, find_any_layers
from kerasft.peft.tensor_file import TensorFile

WEIGHTS_NAME = "adapter_model.safetensors"
_PREFIX = "base_model.model."
_A, _B = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class AdapterReport:
    """What `load_adapter` did.

    Attributes:
        adapted: Paths of the layers that carry an adapter now.
        trained_in_full: Paths of the layers whose own weights came from the file (the head).
        from_base: Names of the head's modules that the file lacks: they stay as in the base model.
        base_model: What the file calls its base model.
        notes: What the file asks for and does not get, as in PEFT.
        counts: Trained and frozen parameters.
    """

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
    if any(layer.is_merged for layer in adapted):
        raise AdapterError(
            "The adapters are merged into the weights; call kerasft.peft.unmerge(model) before "
            "saving them."
        )
    in_full = {id(inner) for layer in saved_layers(model) for inner in [layer, *all_layers(layer)]}
    tensors: dict[str, np.ndarray] = {}
    settings: dict[str, LoRASettings] = {}
    whole: list[str] = []
    for module in modules_of(model).values():
        if isinstance(module.layer, LoRALayer):
            tensors |= _thin_matrices(module)
            settings[module.name] = module.layer.lora
        elif id(module.layer) in in_full:
            whole.append(module.name)
            for slot in module.slots:
                array = keras.ops.convert_to_numpy(slot.variable)
                tensors[_PREFIX + slot.name] = slot.to_file(array)
    tensors = {name: array.astype("float32", copy=False) for name, array in tensors.items()}
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise AdapterError(
                f"{name} holds NaN or infinity, so the adapter is not saved; train it with a "
                "smaller learning rate."
            )
    config = PeftConfig.of(settings, tuple(whole), base_model_name, _task_of(model)[0])
    with storage.write_folder(directory, is_ours=_is_ours) as folder:
        storage.write_json(folder / CONFIG_NAME, config.to_dict())
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
    file = TensorFile(directory / WEIGHTS_NAME, None if files is None else files[WEIGHTS_NAME])
    contents = _Contents(model, config, file, any_labels)
    further = find_any_layers(model, modules_to_save)
    settings = {name: config.settings(name) for name in contents.adapted}
    contents.check(settings)
    # Everything is read before the model is touched.
    thin = {name: (file[_PREFIX + name + _A], file[_PREFIX + name + _B]) for name in settings}
    whole = {
        slot.name: file[_PREFIX + slot.name]
        for module in contents.whole.values()
        for slot in module.slots
    }
    if head_rows is not None and "classifier" in contents.whole:
        whole |= {n: a[list(head_rows)] for n, a in whole.items() if n.startswith("classifier.")}
    modules = contents.adapted
    from_file = [module.layer for module in contents.whole.values()]
    report = install(
        model,
        [(modules[name].layer, partial(adapt, settings=settings[name])) for name in modules],
        in_model_order(model, {id(layer): layer for layer in [*from_file, *further]}.values()),
    )
    for name, (a, b) in thin.items():
        layer = modules[name].layer
        layer.lora_a.assign(a.T.reshape(layer.lora_a.shape))  # (r, in) -> (*in dims, r)
        layer.lora_b.assign(b.T.reshape(layer.lora_b.shape))  # (out, r) -> (r, *out dims)
    for module in contents.whole.values():
        for slot in module.slots:
            slot.variable.assign(slot.from_file(whole[slot.name]))
    return AdapterReport(
        adapted=report.adapted,
        trained_in_full=tuple(layer.path for layer in from_file),
        from_base=contents.from_base,
        base_model=config.base_model,
        notes=config.notes,
        counts=report.counts,
    )


class _Contents:
    """An adapter's file laid beside a model: which module each tensor belongs to.

    Attributes:
        adapted: Modules that get an adapter, by name.
        whole: Modules whose own variables are in the file, by name.
        from_base: Names of the head's modules that are in neither.
    """

    def __init__(
        self, model: keras.Model, config: PeftConfig, file: TensorFile, any_labels: bool
    ) -> None:
        self._model, self._config, self._file = model, config, file
        modules = modules_of(model)
        slots = {slot.name: module for module in modules.values() for slot in module.slots}
        adapted, whole = set(), set()
        for name in file:
            plain = name.removeprefix(_PREFIX)
            module = slots.get(plain)
            if plain.endswith((_A, _B)):
                module = modules.get(plain[: -len(_A)])
                adapted.add(plain[: -len(_A)])
            elif module:
                whole.add(module.name)
            if module is None or plain == name:
                raise AdapterError(self._unknown(name, modules))
        # In the model's order, not the file's: fresh variables and reports follow it.
        self.adapted = {name: modules[name] for name in modules if name in adapted}
        self.whole = {name: modules[name] for name in modules if name in whole}
        self._check_targets(modules)
        head = self.whole.get("classifier")
        if any_labels and head and any(self._is_of_other_labels(slot) for slot in head.slots):
            del self.whole["classifier"]
        self.from_base = tuple(
            module.name
            for module in modules.values()
            if module.head and module.name not in {*self.adapted, *self.whole}
        )

    def _unknown(self, name: str, modules: Mapping[str, Module]) -> str:
        """Says why a tensor has no place in the model."""
        where = f"{self._file.path} holds {name!r}"
        again = "save the adapter again with PEFT's save_pretrained"
        owner = next((each for each in modules if f".{each}." in f".{name}"), None)
        if owner:
            before, _, after = f".{name}".partition(f".{owner}.")
            before = f"{before}.".removeprefix(".")
            if before != _PREFIX:
                return (
                    f"{where}, but an adapter's names begin with {_PREFIX!r} and not with "
                    f"{before or owner!r}; PEFT does not load it either: {again}."
                )
            if after.startswith("lora_embedding_"):
                return f"{where}, an adapter of an embedding, which is not supported."
            if after.startswith(("modules_to_save.", "original_module.", "base_layer.", "lora_")):
                return (
                    f"{where}, but after {owner!r} an adapter's file has only "
                    "'lora_A.weight' and 'lora_B.weight', or the module's own weights, without a "
                    f"name between; {again}."
                )
        bare = name.removeprefix(_PREFIX)
        if any(
            rest and bare.startswith(f"{rest}.") for rest in (n.partition(".")[2] for n in modules)
        ):
            return (
                f"{where}, so it was trained on the bare model without a head, but this one has "
                "it; PEFT does not load it here either."
            )
        roots = {each.partition(".")[0] for each in modules}
        if bare.partition(".")[0] not in roots:
            dense = [each for each in modules.values() if isinstance(each.layer, DENSE_KINDS)]
            example = (dense or [*modules.values()])[0].name
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
            raise AdapterError(f"{where} holds no LoRA matrices.")
        adaptable = [
            name for name, module in modules.items() if isinstance(module.layer, DENSE_KINDS)
        ]
        expected = {name for name in adaptable if self._config.targets(name)}
        if str(self._config.target_modules).lower() == ALL_LINEAR:
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

    def check(self, settings: Mapping[str, LoRASettings]) -> None:
        """Compares every shape with the model's, before any memory is taken.

        Raises:
            AdapterError: A tensor is missing or misshapen, or a layer cannot be adapted.
        """
        task, (wanted, meaning) = self._config.task_type, _task_of(self._model)
        if wanted and task not in (None, wanted):
            raise AdapterError(
                f"{self._file.path.parent} was trained for the task {task!r}, not as a {meaning} "
                f"({wanted})."
            )
        for name, module in self.adapted.items():
            try:
                check_adaptable(module.layer)
            except AdapterError as problem:
                raise AdapterError(f"{self._file.path} adapts {name!r}: {problem}") from None
            factors = factors_of(module.layer)
            rank = settings[name].rank
            self._check_shape(name + _A, (rank, math.prod(factors.in_shape)))
            self._check_shape(name + _B, (math.prod(factors.out_shape), rank))
        for module in self.whole.values():
            for slot in module.slots:
                self._check_shape(slot.name, slot.shape)

    def _is_of_other_labels(self, slot: Slot) -> bool:
        shape = self._file.shapes.get(_PREFIX + slot.name, slot.shape)
        return len(shape) == len(slot.shape) and shape[0] != slot.shape[0]

    def _check_shape(self, name: str, wanted: tuple[int, ...]) -> None:
        path, shape = self._file.path, self._file.shapes.get(_PREFIX + name)
        if shape is None:
            raise AdapterError(f"{path} lacks {_PREFIX + name!r}; the adapter is incomplete.")
        if shape == wanted:
            return
        if name.startswith("classifier.") and shape[1:] == wanted[1:]:
            raise AdapterError(
                f"{path} has a head for {shape[0]} labels, but the model has {wanted[0]}; build "
                f"the model with num_labels={shape[0]}."
            )
        raise AdapterError(
            f"{path} holds {_PREFIX + name!r} of shape {shape}, but this model and the adapter's "
            f"config ask for {wanted}."
        )


def _task_of(model: keras.Model) -> tuple[str | None, str]:
    """PEFT's name of what a model does, and what that means."""
    if isinstance(model, HeadedEncoder):
        return model.peft_task, "text classifier" if isinstance(model, Classifier) else "tagger"
    return ("SEQ_2_SEQ_LM", "text-to-text model") if isinstance(model, T5) else (None, "")


def _thin_matrices(module: Module) -> dict[str, np.ndarray]:
    """A module's A and B as PEFT keeps them: (rank, in) and (out, rank)."""
    rank = module.layer.lora.rank
    a = keras.ops.convert_to_numpy(module.layer.lora_a).reshape(-1, rank)  # (in, rank)
    b = keras.ops.convert_to_numpy(module.layer.lora_b).reshape(rank, -1)  # (rank, out)
    return {
        _PREFIX + module.name + _A: np.ascontiguousarray(a.T),
        _PREFIX + module.name + _B: np.ascontiguousarray(b.T),
    }


def _is_ours(directory: Path) -> bool:
    return {path.name for path in directory.iterdir()} == {CONFIG_NAME, WEIGHTS_NAME}
