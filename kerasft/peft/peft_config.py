"""`adapter_config.json` as Hugging Face PEFT writes and reads it; a method has its own fields.

https://huggingface.co/docs/peft/package_reference/config documents the files. Which module a config
means follows PEFT 0.21 (`peft.tuners.tuners_utils.check_target_module_exists`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from kerasft import storage
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.fields import Fields, ModuleNames
from kerasft.peft.methods import METHODS, Method
from kerasft.peft.patterns import compile_patterns

CONFIG_NAME = "adapter_config.json"
ALL_LINEAR = "all-linear"

# What is read here for every method, and what has no say in what a trained adapter computes.
_COMMON = {
    *("peft_type", "target_modules", "exclude_modules", "layers_to_transform", "layers_pattern"),
    *("modules_to_save", "task_type", "base_model_name_or_path", "auto_mapping"),
    *("inference_mode", "peft_version", "revision"),
}


def to_peft(
    model: keras.Model,
    method: type[Method],
    settings: Mapping[str, Any],
    modules_to_save: list[str],
    base_model: str,
    task_type: str | None,
) -> dict[str, Any]:
    """What stands in the `adapter_config.json` of adapters that exist.

    Args:
        settings: Each adapted module's settings by its name.
        modules_to_save: Names of the modules that are saved whole.
        base_model: The base model's name or path.
        task_type: PEFT's name of the task, or None.
    """
    return {
        "peft_type": method.peft_type,
        "task_type": task_type,
        "base_model_name_or_path": base_model,
        "inference_mode": True,
        **method.to_peft(settings),
        **method.sizes(model),
        **({} if method.array else {"target_modules": sorted(settings)}),
        "modules_to_save": modules_to_save or None,
    }


@dataclass(frozen=True)
class PeftConfig:
    """The part of an adapter's config that decides what the adapter computes.

    Attributes:
        method: The method.
        settings: Gives the method's settings of a module by its name.
        target_modules: Which modules are adapted.
        exclude_modules: Which of these are left out.
        layers_to_transform: Numbers of the layers that `target_modules` (as ends) is limited to.
        layers_pattern: What stands before the layer's number; empty for anything.
        modules_to_save: Ends of the names of modules that are saved whole.
        base_model: The base model's name or path.
        task_type: PEFT's name of the task ("SEQ_CLS").
        notes: Sentences on what the file asks for and does not get, as in PEFT.
    """

    method: type[Method]
    settings: Callable[[str], Any]
    target_modules: ModuleNames
    exclude_modules: ModuleNames
    layers_to_transform: tuple[int, ...]
    layers_pattern: tuple[str, ...]
    modules_to_save: tuple[str, ...]
    base_model: str
    task_type: str | None
    notes: tuple[str, ...]

    @classmethod
    def read(cls, directory: Path, raw: bytes | None = None) -> "PeftConfig":
        """Reads and checks `adapter_config.json`, whose bytes may have been read before.

        Raises:
            AdapterError: The file is missing or broken, or asks for something unsupported.
        """
        path = directory / CONFIG_NAME
        if raw is None:
            raw = _read(directory)
        values = storage.parse_json(raw, path, AdapterError)
        if not isinstance(values, dict):
            raise AdapterError(f"{path} must hold a JSON object.")
        method = next((each for each in METHODS.values() if each.reads(values)), None)
        if method is None:
            known = ", ".join(dict.fromkeys(repr(each.peft_type) for each in METHODS.values()))
            raise AdapterError(
                f"{path} is of peft_type {values.get('peft_type')!r}; only adapters of {known} can "
                "be loaded."
            )
        fields = Fields(path, values)
        try:
            config = cls(
                method=method,
                settings=method.from_peft(fields),
                target_modules=fields.modules("target_modules"),
                exclude_modules=fields.modules("exclude_modules"),
                layers_to_transform=fields.numbers("layers_to_transform"),
                layers_pattern=fields.several("layers_pattern"),
                modules_to_save=fields.several("modules_to_save"),
                base_model=str(values.get("base_model_name_or_path") or ""),
                task_type=values.get("task_type"),
                notes=(*fields.notes, *_unknown(values, method)),
            )
            _ = config._patterns
        except ConfigError as problem:
            raise AdapterError(f"{path} cannot be used: {problem}") from None
        if not config.target_modules and not method.array:
            raise AdapterError(
                f"{path} has no target_modules, so it does not say what is adapted; save the "
                "adapter again with PEFT."
            )
        return config

    @property
    def frees_biases(self) -> bool:
        """Whether the file holds the biases of all modules."""
        return self.method.frees_biases(self.settings(""))

    @property
    def takes_all(self) -> bool:
        """Whether the config leaves it to the weights which modules are adapted."""
        return bool(self.method.array) or str(self.target_modules.names).lower() == ALL_LINEAR

    def targets(self, module: str) -> bool:
        """Whether the module of a name is adapted."""
        if self.exclude_modules.mean(module):
            return False
        if any(each.match(module) for each in self._patterns["modules_to_save"].values()):
            return False
        if not self.target_modules.mean(module):
            return False
        if self.target_modules.name_whole(module) or not self.layers_to_transform:
            return True
        found = (each.match(module) for each in self._patterns["layers_pattern"].values())
        number = next((match["idx"] for match in found if match), None)
        return number is not None and int(number) in self.layers_to_transform

    def saves(self, module: str) -> bool:
        """Whether the module of a name, or one around it, is named in `modules_to_save`."""
        return any(f".{module}.".find(f".{each}.") >= 0 for each in self.modules_to_save)

    @cached_property
    def _patterns(self) -> dict[str, dict[str, Any]]:
        """The fields that hold parts of regular expressions, put together as PEFT does.

        Raises:
            ConfigError: One is none, or they are too much work.
        """
        starts = self.layers_pattern or [r".*?\.[^.]*"]
        frame = r"%s\.(?P<idx>\d+)\."
        if self.layers_pattern:
            frame = rf"(?:^|.*?\.){frame}"
        return {
            "modules_to_save": compile_patterns(self.modules_to_save, r"(?:^|.*\.)%s(?:$|\..*)"),
            "layers_pattern": compile_patterns(starts, frame, capture=True),
        }


def _read(directory: Path) -> bytes:
    path = directory / CONFIG_NAME
    if not directory.is_dir():
        raise AdapterError(
            f"There is no folder {directory}; an adapter of the Hub must be downloaded first: "
            "`hf download NAME --local-dir FOLDER`."
        )
    if not path.is_file():
        inside = directory / "adapter"
        where = f"; {inside} has one" if (inside / CONFIG_NAME).is_file() else ""
        raise AdapterError(f"{directory} is no PEFT adapter: it has no {CONFIG_NAME}{where}.")
    return storage.read_bytes(path, AdapterError, max_bytes=storage.MAX_JSON_BYTES)


def _unknown(values: Mapping[str, Any], method: type[Method]) -> list[str]:
    """What is set and unknown, which PEFT only warns of."""
    known = _COMMON | method.peft_fields
    unknown = sorted(name for name, value in values.items() if value and name not in known)
    if not unknown:
        return []
    shown = ", ".join(name[:40] for name in unknown[:5])
    more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
    return [f"{shown}{more}: no field of {method.title}, ignored as PEFT does"]
