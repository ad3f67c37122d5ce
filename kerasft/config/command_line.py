"""Config dataclasses as command lines and YAML, and back."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from types import NoneType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    NoReturn,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from kerasft.config.own_options import OwnOptions, help_of
from kerasft.config.recipe_help import (
    LONGEST,
    as_typed,
    choices_of,
    formatter_class,
    grouped,
    metavar,
    with_default,
)
from kerasft.config.yaml_file import read_config
from kerasft.errors import ConfigError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

C = TypeVar("C", bound="DataclassInstance")

# From a byte that is not UTF-8, as Python holds it in a text, to a private-use letter.
PRIVATE = 0x100000


def parse(config_class: type[C], arguments: Sequence[str]) -> C:
    """Builds a config from command-line arguments and, with `--config FILE`, a YAML file.

    A boolean option needs no value: `--resume` is `--resume true`.

    Args:
        config_class: A dataclass whose defaults are enough for a run; it may have `own_options`.
        arguments: Words of the command line, without the program's name.

    Raises:
        ConfigError: An unknown option or key, or a value of the wrong type; the message names it.
    """
    import jsonargparse

    recipe = _recipe(config_class)
    parser = jsonargparse.ArgumentParser(
        prog=f"kerasft run {recipe}",
        usage=f"kerasft run {recipe} [--config FILE] [--OPTION VALUE ...]",
        description=_summary(config_class),
        formatter_class=formatter_class(),
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--config", action="config", metavar="FILE", help="YAML file with any of these options."
    )
    own, kinds, meanings = _own(config_class), option_kinds(config_class), help_of(config_class)
    for name, fields in grouped(config_class).items():
        group = parser.add_argument_group(name or f"options of {recipe}")
        for field in fields:
            if own and field.name == own.holder:
                continue
            names = [field.name]
            if own and field.name == own.chooser:
                names.append(own.also)
            factory = field.default_factory
            default = field.default if factory is dataclasses.MISSING else factory()
            kind, meaning = kinds[field.name], meanings.get(field.name, "")
            value = metavar(kind)
            if len(value) > LONGEST:
                value = field.name.upper()
                meaning += f" One of {', '.join(choices_of(kind))}."
            group.add_argument(
                *(f"--{each}" for each in names),
                type=_with_words(kind),
                default=default,
                metavar=value,
                help=with_default(meaning, as_typed(default)),
            )
    if own:
        own.add_to(parser)
    try:
        namespace = parser.parse_args(_completed(kinds, arguments))
    except (jsonargparse.ArgumentError, argparse.ArgumentError) as error:
        raise ConfigError(_shown(_one_sentence(error, kinds))) from None
    namespace = parser.instantiate_classes(namespace)  # dataclasses inside of options
    values = {name: _texts(namespace[name], _shown) for name in kinds if name in namespace}
    for name, value in values.items():
        if isinstance(value, bool) and _has_words(kinds[name]):
            values[name] = "on" if value else "off"
        if isinstance(value, list) and _is_tuple(kinds[name]):  # `tuple[...] | None` of a file
            values[name] = tuple(value)
        # jsonargparse takes the null of a file for any of them.
        if value is None and NoneType not in get_args(kinds[name]):
            raise ConfigError(f"--{name} has no value; give one, or leave it out.")
    if own:
        values[own.holder] = {name: values.pop(name) for name in own.all() if name in values}
    return config_class(**values)


def option_kinds(config_class: type) -> dict[str, Any]:
    """The options of a config by name, and their types."""
    hints, own = get_type_hints(config_class), _own(config_class)
    kinds = {field.name: hints[field.name] for field in dataclasses.fields(config_class)}
    if own:
        del kinds[own.holder]
        kinds[own.chooser] = Literal[tuple(own.values())]
        kinds |= {name: option.kind for name, option in own.all().items()}
    return kinds


def to_yaml(config: Any) -> str:
    """The resolved config as YAML, in the order of the fields."""
    import yaml

    own = _own(type(config))
    values: dict[str, Any] = {}
    for name, value in dataclasses.asdict(config).items():
        values |= value if own and name == own.holder else {name: value}
    values = {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items()
    }
    values = _texts(values, _hidden)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `ConfigError`; for the commands other than recipes.

    Options may come before, between and after the other words.

    Args:
        description: What the command does, and examples; it is printed as it is.
        usage: What follows the command's name.
    """

    def __init__(self, prog: str, description: str | None, usage: str = "", **more: Any) -> None:
        super().__init__(
            prog,
            f"{prog} {usage}" if usage else None,
            description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            **more,
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reads the words, by default those of the command line; see argparse."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print and exit with."""
        raise ConfigError(f"{message}; see `{self.prog} --help`.")


def _own(config_class: type) -> OwnOptions | None:
    return getattr(config_class, "own_options", None)


def _completed(options: Mapping[str, Any], arguments: Sequence[str]) -> list[str]:
    """Writes options as jsonargparse wants them: `--resume true`, `--targets [query,value]`.

    Also replaces the name of a `--config` file by its content.
    """
    kinds = {f"--{name}": kind for name, kind in options.items()} | {"--config": "config"}
    arguments = [part for word in arguments for part in _split(word, kinds)]
    completed: list[str] = []
    for word, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        kind = kinds.get(completed[-1]) if completed else None
        if kind == "config":
            word = read_config(word)
        elif _is_tuple(kind) and not word.startswith("["):
            word = f"[{word}]"
        completed.append(_hidden(word))
        if kinds.get(word) is bool and following.startswith("--"):
            completed.append("true")
    return completed


def _is_tuple(kind: Any) -> bool:
    """Whether a type is `tuple[...]`, or that or None."""
    return get_origin(kind) is tuple or any(get_origin(each) is tuple for each in get_args(kind))


def _has_words(kind: Any) -> bool:
    """Whether an option takes the words on and off, which YAML reads as true and false."""
    return any({"on", "off"} <= {*get_args(each)} for each in (kind, *get_args(kind)))


def _with_words(kind: Any) -> Any:
    """A type as jsonargparse is to read it."""
    return bool | kind if _has_words(kind) else kind


def _hidden(text: str) -> str:
    """A text that YAML can hold: bytes of a path that are not UTF-8 become private letters."""
    return re.sub("[\udc80-\udcff]", lambda found: chr(ord(found[0]) + PRIVATE), text)


def _shown(text: str) -> str:
    """A text with such bytes as Python's own functions take them."""
    return re.sub("[\U0010dc80-\U0010dcff]", lambda found: chr(ord(found[0]) - PRIVATE), text)


def _texts(value: Any, change: Callable[[str], str]) -> Any:
    """A value of a config with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_texts(item, change) for item in value)
    if isinstance(value, dict):
        return {_texts(key, change): _texts(item, change) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        items = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **_texts(items, change))
    return value


def _split(word: str, options: Container[str]) -> list[str]:
    """`--name=value` as two words, where there is such an option."""
    name, equals, value = word.partition("=")
    return [name, value] if equals and name in options else [word]


def _summary(config_class: type) -> str:
    return (config_class.__doc__ or "").split("Args:")[0].strip()


def _one_sentence(error: Exception, options: Iterable[str]) -> str:
    text = " ".join(str(error).split())
    if "File does not exist" in text:
        return text.replace('Parser key "config": ', "--config: ")
    text = re.sub(r'Parser key "(\w+)": ', r"--\1: ", text)
    # An option of several types, "str | dict[str, list[str]]": not what each of them says.
    several = r"Does not validate against any of the Union subtypes Subtypes: \[(.*)\] Errors: .* "
    text = re.sub(several + r"Given value: (.*)", r"expected one of [\1]. got: \2", text)
    text = text.replace("Expected a typing.Literal", "expected one of ").replace("Got value", "got")
    text = re.sub(r"<class '(\w+)'>", r"\1", text)
    text = re.sub(r"\[bool, typing\.Literal(\[.*?\])\]", r"\1", text)  # see `_with_words`
    text = re.sub(r"Expected an? (\w+)", r"expected \1", text)
    text = re.sub(r"(--\w+): .*got: None\.?$", r"\1 has no value; give one, or leave it out.", text)
    text = re.sub(r"(expected str\. got: [\w.+-]+)$", r"\1; put it in quotes.", text)
    if "nrecognized arguments" in text or "is not accepted" in text:
        return f"{text.rstrip('.')}. The options are: {', '.join(options)}."
    return text


def _recipe(config_class: type) -> str:
    """The name of a config's recipe."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if config_class.__module__ == "__main__" and spec else config_class.__module__
    return name.rpartition(".")[2]
