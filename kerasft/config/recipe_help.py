"""The `--help` of a recipe: options in groups, each with its values, meaning and default."""

from __future__ import annotations

import argparse
import dataclasses
from types import NoneType
from typing import Any, Literal, get_args, get_origin

GROUPS = (
    *("", "data", "labels", "model and training", "training"),
    *("method", "frozen layers", "run and output"),
)
"""In this order; the first is that of options whose class names none."""
LONGEST = 50
"""Choices that take more characters stand in the help, not beside the option."""


def formatter_class() -> type[argparse.HelpFormatter]:
    """A formatter that adds neither types nor defaults to the help of an option."""
    import jsonargparse

    class RecipeHelp(jsonargparse.DefaultHelpFormatter):
        def _get_help_string(self, action: argparse.Action) -> str:
            if action.dest == "print_config":
                return "Print all options as YAML, and exit."
            return "Show this help, and exit." if action.dest == "help" else action.help or ""

        def _format_action_invocation(self, action: argparse.Action) -> str:
            shown = super()._format_action_invocation(action)
            return "--print_config" if action.dest == "print_config" else shown

    return RecipeHelp


def grouped(config_class: Any) -> dict[str, list[dataclasses.Field[Any]]]:
    """The fields of a config by the `group` of the class that introduces them.

    Example:
        >>> [*grouped(compare.Config)]
        ['', 'run and output']
    """
    found: dict[str, list[dataclasses.Field[Any]]] = {name: [] for name in GROUPS}
    for field in dataclasses.fields(config_class):
        *_, first = (
            vars(each)
            for each in config_class.__mro__
            if field.name in vars(each).get("__annotations__", {})
        )
        found[first.get("group", "")].append(field)
    return {name: fields for name, fields in found.items() if fields}


def metavar(kind: Any) -> str:
    """What stands for the value of an option of some type.

    Example:
        >>> metavar(float | None), metavar(tuple[int, ...]), metavar(Literal["cut", "drop"])
        ('FLOAT', 'INT,...', '{cut,drop}')
    """
    if choices := choices_of(kind):
        return f"{{{','.join(choices)}}}"
    if kind is bool:
        return "[{true,false}]"
    kinds = _alternatives(kind)
    if bool in kinds:
        return "{true,false}"
    first = next((each for each in kinds if get_origin(each) is tuple), None)
    if first is not None:
        return f"{metavar(get_args(first)[0])},..."
    return "TEXT" if str in kinds else {int: "INT", float: "FLOAT"}.get(kinds[0], "VALUE")


def choices_of(kind: Any) -> list[str]:
    """The words that an option takes, if it takes no others."""
    kinds = _alternatives(kind)
    if not all(get_origin(each) is Literal for each in kinds):
        return []
    return [str(word) for each in kinds for word in get_args(each)]


def with_default(meaning: str, default: str) -> str:
    """The help of an option."""
    return f"{meaning} (default: {default})" if default else meaning


def as_typed(value: Any) -> str:
    """A default as one would write it on a command line; nothing for one that cannot be."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, tuple) and all(isinstance(each, str | int) for each in value):
        return ",".join(map(str, value))
    return str(value) if isinstance(value, str | int | float) else ""


def _alternatives(kind: Any) -> list[Any]:
    """The types of a union, without None."""
    several = get_args(kind) if get_origin(kind) not in (Literal, tuple, dict) else ()
    return [each for each in several or (kind,) if each is not NoneType]
