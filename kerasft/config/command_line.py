"""Config dataclasses as command lines and YAML, and back."""

from __future__ import annotations

import argparse
import dataclasses
import re
import sys
from collections.abc import Callable, Container, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

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
        config_class: A dataclass whose defaults are enough for a run.
        arguments: Words of the command line, without the program's name.

    Raises:
        ConfigError: An unknown option or key, or a value of the wrong type; the message names it.
    """
    import jsonargparse

    parser = jsonargparse.ArgumentParser(
        prog=_program(config_class),
        description=_summary(config_class),
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--config", action="config", help="YAML file with any of the options below")
    parser.add_class_arguments(config_class, fail_untyped=True)
    try:
        namespace = parser.parse_args(_completed(config_class, arguments))
    except (jsonargparse.ArgumentError, argparse.ArgumentError) as error:
        raise ConfigError(_shown(_one_sentence(error, config_class))) from None
    namespace = parser.instantiate_classes(namespace)  # dataclasses inside of options
    values = {f.name: _texts(namespace[f.name], _shown) for f in dataclasses.fields(config_class)}
    for field in dataclasses.fields(config_class):
        # jsonargparse takes null for any of them.
        if values[field.name] is None and "None" not in str(field.type):
            raise ConfigError(f"--{field.name} has no value; give one, or leave it out.")
    return config_class(**values)


def to_yaml(config: Any) -> str:
    """The resolved config as YAML, in the order of the fields."""
    import yaml

    values = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in dataclasses.asdict(config).items()
    }
    values = _texts(values, _hidden)
    return yaml.safe_dump(values, sort_keys=False, allow_unicode=True, default_flow_style=None)


class Parser(argparse.ArgumentParser):
    """An argument parser that raises `ConfigError`; for the commands other than recipes.

    Options may stand before, between and after the other words.
    """

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reads the words, by default those of the command line; see argparse."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print and exit with."""
        raise ConfigError(f"{message}; see `{self.prog} --help`.")


def _completed(config_class: type, arguments: Sequence[str]) -> list[str]:
    """Writes options as jsonargparse wants them: `--resume true`, `--targets [query,value]`.

    Also replaces the name of a `--config` file by its content.
    """
    kinds = {f"--{f.name}": str(f.type) for f in dataclasses.fields(config_class)}
    kinds["--config"] = "config"
    arguments = [part for word in arguments for part in _split(word, kinds)]
    completed: list[str] = []
    for word, following in zip(arguments, [*arguments, "--"][1:], strict=True):
        kind = kinds.get(completed[-1], "") if completed else ""
        if kind == "config":
            word = read_config(word)
        elif kind.startswith("tuple[") and not word.startswith("["):
            word = f"[{word}]"
        completed.append(_hidden(word))
        if kinds.get(word) in ("bool", "<class 'bool'>") and following.startswith("--"):
            completed.append("true")
    return completed


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


def _one_sentence(error: Exception, config_class: type) -> str:
    text = " ".join(str(error).split())
    if "File does not exist" in text:
        return text.replace('Parser key "config": ', "--config: ")
    text = re.sub(r'Parser key "(\w+)": ', r"--\1: ", text)
    # An option of several types, "str | dict[str, list[str]]": not what each of them says.
    several = r"Does not validate against any of the Union subtypes Subtypes: \[(.*)\] Errors: .* "
    text = re.sub(several + r"Given value: (.*)", r"expected one of [\1]. got: \2", text)
    text = text.replace("Expected a typing.Literal", "expected one of ").replace("Got value", "got")
    text = re.sub(r"<class '(\w+)'>", r"\1", text)
    text = re.sub(r"Expected an? (\w+)", r"expected \1", text)
    text = re.sub(r"(expected str\. got: [\w.+-]+)$", r"\1; put it in quotes.", text)
    if "nrecognized arguments" in text or "is not accepted" in text:
        names = ", ".join(f.name for f in dataclasses.fields(config_class))
        return f"{text.rstrip('.')}. The options are: {names}."
    return text


def _program(config_class: type) -> str:
    """The words that run the recipe of a config."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    name = spec.name if config_class.__module__ == "__main__" and spec else config_class.__module__
    return f"kerasft run {name.rpartition('.')[2]}"
