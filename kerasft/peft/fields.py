"""Fields of an untrusted `adapter_config.json`, read with their types checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError
from kerasft.peft.patterns import compile_pattern, compile_patterns


class Fields:
    """The fields of one file.

    Args:
        path: The file, for sentences.

    Attributes:
        notes: Sentences on what the file asks for and does not get, as in PEFT.
    """

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        self.path, self.values = path, values
        self.notes: list[str] = []

    def several(self, name: str) -> tuple[str, ...]:
        """A field that is a name, a list of names, or missing.

        Raises:
            ConfigError: It is something else.
        """
        value = self.values.get(name)
        value = [] if value is None else [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self._wrong(name, "a list of names")
        return tuple(value)

    def modules(self, name: str) -> "ModuleNames":
        """A field that means modules: a regular expression, or a list of names or their ends.

        Raises:
            ConfigError: It is something else, or no regular expression.
        """
        value = self.values.get(name)
        return ModuleNames(value if isinstance(value, str) and value else self.several(name))

    def numbers(self, name: str) -> tuple[int, ...]:
        """A field that is a whole number, a list of them, or missing.

        Raises:
            ConfigError: It is something else.
        """
        value = self.values.get(name)
        value = [] if value is None else value if isinstance(value, list) else [value]
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in value):
            raise self._wrong(name, "a number or a list of numbers")
        return tuple(value)

    def by_pattern(self, name: str) -> "ByPattern":
        """A field that maps patterns of modules to numbers.

        Raises:
            ConfigError: It is something else, or a pattern is no regular expression.
        """
        value = self.values.get(name) or {}
        if not isinstance(value, dict):
            raise self._wrong(name, "a mapping from patterns to numbers")
        return ByPattern(value)

    def _wrong(self, name: str, wanted: str) -> ConfigError:
        return ConfigError(f"{name} must be {wanted}, got {self.values[name]!r}.")


class ModuleNames:
    """Which modules a field like `target_modules` means.

    Args:
        names: One regular expression for the whole name, or several ends of names.

    Raises:
        ConfigError: It is no regular expression, or too much work.

    Example:
        >>> ModuleNames(("query",)).mean("bert.encoder.layer.0.attention.self.query")
        True
    """

    def __init__(self, names: str | tuple[str, ...] = ()) -> None:
        self.names = names
        self._pattern = compile_pattern(names) if isinstance(names, str) else None
        self._ends = frozenset(names)

    def __bool__(self) -> bool:
        return bool(self.names)

    def mean(self, module: str) -> bool:
        """Whether the module of a name is meant."""
        if self._pattern is not None:
            return self._pattern.fullmatch(module) is not None
        parts = module.split(".")
        return any(".".join(parts[start:]) in self._ends for start in range(len(parts)))

    def name_whole(self, module: str) -> bool:
        """Whether it is a pattern, or a name stands in the list as a whole and not by its end."""
        return self._pattern is not None or module in self._ends


class ByPattern:
    """Numbers of modules by a pattern of the end of their names; the first that fits counts.

    Args:
        values: Number by pattern.

    Raises:
        ConfigError: A pattern is no regular expression, or they are too much work.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self._patterns = compile_patterns(values, r"(?:.*\.)?(?:%s)$")

    def get(self, module: str, default: Any) -> Any:
        """The number of the module of a name, or `default`."""
        for pattern, compiled in self._patterns.items():
            if compiled.match(module):
                return self.values[pattern]
        return default
