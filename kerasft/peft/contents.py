"""An adapter's file beside a model: which module each tensor belongs to, and what is amiss."""

import re
from collections.abc import Mapping
from typing import Any

import keras

from kerasft import storage
from kerasft.errors import AdapterError
from kerasft.peft.modules import Module, Slot, modules_of
from kerasft.peft.peft_config import CONFIG_NAME, PeftConfig

# Where all biases train, PEFT also writes those inside its wrappers of `modules_to_save`.
_OF_WRAPPERS = re.compile(r"\.(original_module|modules_to_save)\.bias$")


class Contents:
    """An adapter's file laid beside a model.

    Attributes:
        adapted: Modules that get an adapter, by name.
        whole: Modules whose own variables are in the file, by name.
        freed: The biases of other modules, where the file holds those of all.
        output: The module among `whole` that gives the logits, if it is there.
        from_base: Names of the head's modules that are in neither.
    """

    def __init__(
        self, model: keras.Model, config: PeftConfig, file: storage.Tensors, any_labels: bool
    ) -> None:
        self._model, self._config, self._file = model, config, file
        self._task = getattr(model, "peft_task", None)
        self._prefix = config.method.prefix
        modules = modules_of(model, config.method.fits)
        owners = {slot.name: each for each in modules.values() for slot in each.own.values()}
        adapted, whole = set(), set()
        for name in file:
            if name == config.method.array:
                adapted.update(self._places(model, modules))
                continue
            plain = name.removeprefix(self._prefix)
            owner = owners.get(plain)
            if config.frees_biases and _OF_WRAPPERS.search(plain):
                continue
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
        self.freed = self._freed(modules) if config.frees_biases else ()
        self._check_targets(modules)
        self.output = next((each for each in self.whole.values() if each.is_output), None)
        if (
            any_labels
            and self.output
            and any(map(self._is_of_other_labels, self.output.own.values()))
        ):
            del self.whole[self.output.name]
            self.output = None
        self.from_base = tuple(
            module.name
            for module in modules.values()
            if module.head and module.name not in {*self.adapted, *self.whole}
        )

    def _places(self, model: keras.Model, modules: Mapping[str, Module]) -> list[str]:
        """The modules that the one array of a model is for."""
        method = self._config.method
        layers = {id(layer) for layer in method.places(model)}
        places = [name for name, module in modules.items() if id(module.layer) in layers]
        if not places:
            raise AdapterError(
                f"{self._file.path} is of {method.title}, for which this model has no layers in "
                "PEFT; load it onto the kind of model that it was trained on."
            )
        return places

    def _freed(self, modules: Mapping[str, Module]) -> tuple[Slot, ...]:
        """The biases of modules that train nothing else, which then are not whole ones."""

        def is_there(slot: Slot) -> bool:
            return self._config.method.full_name(slot.name) in self._file

        for module in list(self.whole.values()):
            if tuple(filter(is_there, module.own.values())) == module.biases:
                del self.whole[module.name]
        others = (module for name, module in modules.items() if name not in self.adapted)
        alone = (module for module in others if module.name not in self.whole)
        return tuple(slot for module in alone for slot in module.biases)

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
            names = method.array or ", ".join(method.suffixes)
            raise AdapterError(
                f"{where} holds no tensor of {method.title} ({names}), so "
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
            if self._config.saves(name) and modules[name].own and name not in self.whole:
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
        plan: list[tuple[Module, Any]] = []
        for name, module in self.adapted.items():
            settings = config.settings(name)
            try:
                method.check(module.layer, settings)
            except AdapterError as problem:
                raise AdapterError(f"{path} adapts {name!r}: {problem}") from None
            plan.append((module, settings))
        try:
            slots = method.arrays(self._model, plan, self._file.shapes)
        except AdapterError as problem:
            raise AdapterError(f"{path} does not fit: {problem}") from None
        for module in self.whole.values():
            slots += module.own.values()
        slots += self.freed
        self._check_unused({slot.name for slot in slots})
        for slot in slots:
            self._check_shape(slot.name, slot.shape)
        return slots

    def _check_unused(self, wanted: set[str]) -> None:
        """Refuses an array of an adapted module that the config does not ask for."""
        for name in self._file:
            plain = name.removeprefix(self._prefix)
            if self._target(plain) in self.adapted and plain not in wanted:
                raise AdapterError(
                    f"{self._file.path} holds {name!r}, which its {CONFIG_NAME} does not ask for; "
                    "the two files do not belong together."
                )

    def _is_of_other_labels(self, slot: Slot) -> bool:
        shape = self._file.shapes.get(self._config.method.full_name(slot.name), slot.shape)
        return len(shape) == len(slot.shape) and shape[0] != slot.shape[0]

    def _check_shape(self, name: str, wanted: tuple[int, ...]) -> None:
        path, full = self._file.path, self._config.method.full_name(name)
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
