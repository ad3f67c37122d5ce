"""Options that one value of another option brings along, such as `--rank` with `--method lora`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Union, get_type_hints

from kerasft.config.recipe_help import as_typed, metavar, with_default
from kerasft.errors import ConfigError

if TYPE_CHECKING:
    from jsonargparse import ArgumentParser


@dataclasses.dataclass(frozen=True)
class OwnOption:
    """An option of some values of another one.

    Attributes:
        values: Those that have it.
        kind: Its type; where the values have it of several, all of them.
        help: What it means, and its default.
    """

    values: tuple[str, ...]
    kind: Any
    help: str


@dataclasses.dataclass(frozen=True)
class OwnOptions:
    """An option whose values have options of their own.

    A config class has it as its attribute `own_options`. On the command line and in YAML the own
    options stand beside all others.

    Attributes:
        chooser: The field that holds the value.
        holder: The field that holds the value's own options, a dict by their names.
        values: Returns each value and the dataclass whose fields are its options, or None; it may
            import Keras, so it is called only when somebody asks.
        also: Another spelling of the chooser.
        without: Fields of those dataclasses that are no options.
        usual: For some values, defaults that overrule those of their dataclass.
    """

    chooser: str
    holder: str
    values: Callable[[], Mapping[str, Any]]
    also: str
    without: frozenset[str] = frozenset()
    usual: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def all(self) -> dict[str, OwnOption]:
        """Every option that some value has, by its name."""
        names: dict[str, dict[str, type]] = {}
        for value, own in self.values().items():
            for name in self._defaults(value):
                assert own is not None
                names.setdefault(name, {})[value] = own
        return {name: self._option(name, having) for name, having in names.items()}

    def chosen(self, value: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """All options of a value: those that were given, and the others' defaults.

        Args:
            value: The value.
            given: Options by name.

        Raises:
            ConfigError: There is no such value, or it has not one of the options.
        """
        if value not in self.values():
            raise ConfigError(
                f"--{self.chooser} is {value!r}; it must be one of {', '.join(self.values())}."
            )
        defaults = self._defaults(value)
        for name in given:
            if name not in defaults:
                raise ConfigError(
                    f"--{name} is not an option of --{self.chooser} {value}; leave it out."
                )
        return defaults | dict(given)

    def add_to(self, parser: ArgumentParser) -> None:
        """Puts the values' own options on a command line, in groups that say whose they are."""
        groups: dict[tuple[str, ...], Any] = {}
        for name, option in self.all().items():
            if option.values not in groups:
                title = f"options of --{self.chooser} {_listed(option.values)}"
                groups[option.values] = parser.add_argument_group(title)
            groups[option.values].add_argument(
                f"--{name}",
                type=option.kind,
                default=argparse.SUPPRESS,
                metavar=metavar(option.kind),
                help=option.help,
            )

    def _defaults(self, value: str) -> dict[str, Any]:
        """The options of a value, and their defaults."""
        own, usual = self.values()[value], self.usual.get(value, {})
        fields = () if own is None else dataclasses.fields(own)
        return {
            each.name: usual.get(each.name, each.default)
            for each in fields
            if each.name not in self.without
        }

    def _option(self, name: str, having: Mapping[str, type]) -> OwnOption:
        """One option of the values whose dataclasses have a field of that name."""
        defaults: dict[str, list[str]] = {}
        for value in having:
            defaults.setdefault(as_typed(self._defaults(value)[name]), []).append(value)
        default = next(iter(defaults))
        if len(defaults) > 1:
            default = ", ".join(f"{each} for {_listed(of)}" for each, of in defaults.items())
        first = next(iter(having.values()))
        return OwnOption(
            tuple(having),
            Union[tuple(get_type_hints(own)[name] for own in having.values())],  # noqa: UP007
            with_default(help_of(first).get(name, ""), default),
        )


def help_of(documented: type) -> dict[str, str]:
    """What the docstring of a class, or of one that it derives from, says of its fields."""
    from docstring_parser import parse

    found: dict[str, str] = {}
    for each in reversed(documented.__mro__):
        for argument in parse(each.__doc__ or "").params:
            found[argument.arg_name] = " ".join((argument.description or "").split())
    return found


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
