"""`adapter_config.json` as Hugging Face PEFT writes and reads it.

https://huggingface.co/docs/peft/package_reference/lora#peft.LoraConfig documents the fields. Which
module a config means follows PEFT 0.21 (`peft.tuners.tuners_utils.check_target_module_exists`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.methods.lora_settings import LoRASettings
from kerasft.peft.patterns import compile_patterns

CONFIG_NAME = "adapter_config.json"
ALL_LINEAR = "all-linear"

# Fields without a say in what a trained adapter computes.
_HARMLESS = {
    *("auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying"),
    *("eva_config", "inference_mode", "lora_ga_config", "megatron_config", "megatron_core"),
    *("peft_version", "qalora_group_size", "revision", "runtime_config", "task_type"),
}
_READ = {
    *("peft_type", "r", "lora_alpha", "lora_dropout", "use_rslora", "rank_pattern"),
    *("alpha_pattern", "target_modules", "exclude_modules", "layers_to_transform"),
    *("layers_pattern", "modules_to_save", "bias", "init_lora_weights", "fan_in_fan_out"),
}
# What PEFT 0.21 knows besides, each with a say in what the adapter computes.
_UNSUPPORTED = {
    *("alora_invocation_tokens", "arrow_config", "kasa_config", "layer_replication", "lora_bias"),
    *("loftq_config", "monteclora_config", "target_parameters", "trainable_token_indices"),
    *("use_bdlora", "use_dora", "use_qalora", "velora_config"),
}
# These begin with A B = 0 or leave the base as it is; all others change the base model's weights.
_HARMLESS_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True)
class PeftConfig:
    """The part of an adapter's config that decides what the adapter computes.

    Attributes:
        default: The numbers of a module that no pattern singles out.
        target_modules: A regular expression over module names, or ends of module names.
        exclude_modules: The same, for modules that are left out.
        layers_to_transform: Numbers of the layers that `target_modules` (as ends) is limited to.
        layers_pattern: What stands before the layer's number; empty for anything.
        rank_pattern: Ranks of modules by a pattern of the end of their names.
        alpha_pattern: Alphas, likewise.
        modules_to_save: Ends of the names of modules that are saved whole.
        base_model: The base model's name or path.
        task_type: PEFT's name of the task ("SEQ_CLS").
        notes: Sentences on what the file asks for and does not get, as in PEFT.
    """

    default: LoRASettings
    target_modules: str | tuple[str, ...]
    exclude_modules: str | tuple[str, ...] = ()
    layers_to_transform: tuple[int, ...] = ()
    layers_pattern: tuple[str, ...] = ()
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    modules_to_save: tuple[str, ...] = ()
    base_model: str = ""
    task_type: str | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Mapping[str, LoRASettings],
        modules_to_save: tuple[str, ...],
        base_model: str,
        task_type: str | None,
    ) -> "PeftConfig":
        """The config of adapters that exist.

        Args:
            settings: Each adapted module's numbers by its name; dropout and rank stabilization are
                the same in all.
            modules_to_save: Names of the modules that are saved whole.
            base_model: The base model's name or path.
            task_type: PEFT's name of the task, or None.
        """
        default = Counter(settings.values()).most_common(1)[0][0]
        return cls(
            default=default,
            target_modules=tuple(sorted(settings)),
            rank_pattern={
                re.escape(name): each.rank
                for name, each in settings.items()
                if each.rank != default.rank
            },
            alpha_pattern={
                re.escape(name): each.alpha
                for name, each in settings.items()
                if each.alpha != default.alpha
            },
            modules_to_save=modules_to_save,
            base_model=base_model,
            task_type=task_type,
        )

    @classmethod
    def read(cls, directory: Path, raw: bytes | None = None) -> "PeftConfig":
        """Reads and checks `adapter_config.json`, whose bytes may have been read before.

        Raises:
            AdapterError: The file is missing or broken, or asks for something unsupported.
        """
        path = directory / CONFIG_NAME
        if raw is None and not directory.is_dir():
            raise AdapterError(
                f"There is no folder {directory}; an adapter of the Hub must be downloaded first: "
                "`hf download NAME --local-dir FOLDER`."
            )
        if raw is None and not path.is_file():
            inside = directory / "adapter"
            where = f"; {inside} has one" if (inside / CONFIG_NAME).is_file() else ""
            raise AdapterError(f"{directory} is no PEFT adapter: it has no {CONFIG_NAME}{where}.")
        if raw is None:
            raw = storage.read_bytes(path, AdapterError, max_bytes=storage.MAX_JSON_BYTES)
        values = storage.parse_json(raw, path, AdapterError)
        if not isinstance(values, dict):
            raise AdapterError(f"{path} must hold a JSON object.")
        _check_supported(path, values)
        fields = _Fields(path, values)
        try:
            default = LoRASettings(
                rank=values.get("r", 8),
                alpha=values.get("lora_alpha", 8),
                dropout=values.get("lora_dropout") or 0.0,
                rank_stabilized=values.get("use_rslora") or False,
            )
            config = cls(
                default=default,
                target_modules=fields.names("target_modules"),
                exclude_modules=fields.names("exclude_modules"),
                layers_to_transform=fields.numbers("layers_to_transform"),
                layers_pattern=fields.several("layers_pattern"),
                rank_pattern=fields.mapping("rank_pattern"),
                alpha_pattern=fields.mapping("alpha_pattern"),
                modules_to_save=fields.several("modules_to_save"),
                base_model=str(values.get("base_model_name_or_path") or ""),
                task_type=values.get("task_type"),
                notes=_notes(values),
            )
            for rank in config.rank_pattern.values():
                LoRASettings(rank=rank)
            for alpha in config.alpha_pattern.values():
                LoRASettings(alpha=alpha)
            _ = config._patterns
        except ConfigError as problem:
            raise AdapterError(f"{path} cannot be used: {problem}") from None
        if not config.target_modules:
            raise AdapterError(f"{path} has no target_modules, so it says not what is adapted.")
        return config

    def to_dict(self) -> dict[str, Any]:
        """What stands in `adapter_config.json`."""
        return {
            "peft_type": "LORA",
            "task_type": self.task_type,
            "base_model_name_or_path": self.base_model,
            "inference_mode": True,
            "r": self.default.rank,
            "lora_alpha": self.default.alpha,
            "lora_dropout": self.default.dropout,
            "use_rslora": self.default.rank_stabilized,
            "rank_pattern": dict(self.rank_pattern),
            "alpha_pattern": dict(self.alpha_pattern),
            "target_modules": list(self.target_modules),
            "modules_to_save": list(self.modules_to_save) or None,
            "bias": "none",
            "fan_in_fan_out": False,
            "init_lora_weights": True,
            "use_dora": False,
        }

    def targets(self, module: str) -> bool:
        """Whether the module of a name is adapted."""
        if self.exclude_modules and self._is_meant("exclude_modules", module):
            return False
        if any(each.match(module) for each in self._patterns["modules_to_save"].values()):
            return False
        if not self._is_meant("target_modules", module):
            return False
        exact = isinstance(self.target_modules, str) or module in self.target_modules
        if exact or not self.layers_to_transform:
            return True
        found = (each.match(module) for each in self._patterns["layers_pattern"].values())
        number = next((match["idx"] for match in found if match), None)
        return number is not None and int(number) in self.layers_to_transform

    def settings(self, module: str) -> LoRASettings:
        """The numbers of the module of a name."""
        return LoRASettings(
            rank=self._by_pattern("rank_pattern", module, self.default.rank),
            alpha=self._by_pattern("alpha_pattern", module, self.default.alpha),
            dropout=self.default.dropout,
            rank_stabilized=self.default.rank_stabilized,
        )

    def saves(self, module: str) -> bool:
        """Whether the module of a name, or one around it, is named in `modules_to_save`."""
        return any(f".{module}.".find(f".{each}.") >= 0 for each in self.modules_to_save)

    @cached_property
    def _patterns(self) -> dict[str, dict[str, Any]]:
        """The fields that hold regular expressions, put together as PEFT does.

        Raises:
            ConfigError: One is none, or they are too much work.
        """
        several: dict[str, tuple[Iterable[str], str]] = {
            "target_modules": (_one(self.target_modules), "%s"),
            "exclude_modules": (_one(self.exclude_modules), "%s"),
            "modules_to_save": (self.modules_to_save, r"(?:^|.*\.)%s(?:$|\..*)"),
            "rank_pattern": (self.rank_pattern, r"(?:.*\.)?(?:%s)$"),
            "alpha_pattern": (self.alpha_pattern, r"(?:.*\.)?(?:%s)$"),
        }
        patterns = {name: compile_patterns(*each) for name, each in several.items()}
        starts = self.layers_pattern or [r".*?\.[^.]*"]
        frame = r"%s\.(?P<idx>\d+)\."
        if self.layers_pattern:
            frame = rf"(?:^|.*?\.){frame}"
        return patterns | {"layers_pattern": compile_patterns(starts, frame, capture=True)}

    @cached_property
    def _ends(self) -> dict[str, frozenset[str]]:
        return {
            "target_modules": frozenset(self.target_modules),
            "exclude_modules": frozenset(self.exclude_modules),
        }

    def _is_meant(self, name: str, module: str) -> bool:
        """Whether `target_modules` or `exclude_modules` means a module."""
        if isinstance(getattr(self, name), str):
            return any(each.fullmatch(module) for each in self._patterns[name].values())
        parts = module.split(".")
        return any(".".join(parts[start:]) in self._ends[name] for start in range(len(parts)))

    def _by_pattern(self, name: str, module: str, default: Any) -> Any:
        """What `rank_pattern` or `alpha_pattern` has for a module: its first pattern that fits."""
        for pattern, compiled in self._patterns[name].items():
            if compiled.match(module):
                return getattr(self, name)[pattern]
        return default


class _Fields:
    """Reads fields of the config that are lists or mappings, checking their types."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path, self.values = path, values

    def _wrong(self, name: str, wanted: str) -> ConfigError:
        return ConfigError(f"{name} must be {wanted}, got {self.values[name]!r}.")

    def several(self, name: str) -> tuple[str, ...]:
        value = self.values.get(name)
        value = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(name, "a list of names")
        return tuple(value)

    def names(self, name: str) -> str | tuple[str, ...]:
        value = self.values.get(name)
        return value if isinstance(value, str) and value else self.several(name)

    def numbers(self, name: str) -> tuple[int, ...]:
        value = self.values.get(name)
        value = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in value):
            raise self._wrong(name, "a number or a list of numbers")
        return tuple(value)

    def mapping(self, name: str) -> dict[str, Any]:
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise self._wrong(name, "a mapping from patterns to numbers")
        return value


def _check_supported(path: Path, values: Mapping[str, Any]) -> None:
    """Refuses whatever would make the adapter compute something else than W + s A B."""
    kind = values.get("peft_type")
    if kind != "LORA":
        raise AdapterError(f"{path} is of peft_type {kind!r}; only 'LORA' adapters can be loaded.")
    if values.get("use_dora"):
        raise AdapterError(f"{path} is a DoRA adapter (use_dora), which is not supported.")
    if values.get("bias", "none") not in ("none", None):
        raise AdapterError(
            f"{path} trains biases (bias: {values['bias']!r}), which is not supported; "
            "only 'none' is."
        )
    start = values.get("init_lora_weights")
    if values.get("loftq_config") or start not in _HARMLESS_STARTS:
        raise AdapterError(
            f"{path} was started with {start or 'loftq'!r}, which changes the base model's own "
            "weights, so it cannot be loaded; convert it to a plain LoRA adapter with PEFT first."
        )
    for name in sorted(_UNSUPPORTED & set(values)):
        if values[name]:
            raise AdapterError(
                f"{path} sets {name} to {str(values[name])[:60]!r}, which is not supported."
            )


def _notes(values: Mapping[str, Any]) -> tuple[str, ...]:
    """What is set and has no effect, here as in PEFT, which only warns."""
    notes = []
    if values.get("fan_in_fan_out"):
        notes.append("fan_in_fan_out is ignored, as PEFT does for Linear layers")
    known = _HARMLESS | _READ | _UNSUPPORTED
    if unknown := sorted(name for name, value in values.items() if value and name not in known):
        shown = ", ".join(name[:40] for name in unknown[:5])
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        notes.append(f"{shown}{more}: unknown to PEFT's LoRA, ignored as PEFT does")
    return tuple(notes)


def _one(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """The pattern of a field that holds one, and none of a list of names."""
    return (names,) if isinstance(names, str) else ()
