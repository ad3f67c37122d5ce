"""Reads and checks the YAML file of `--config`."""

from __future__ import annotations

import codecs
import os
import stat
from typing import TYPE_CHECKING

from kerasft.errors import ConfigError

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 2**18
# Aliases repeat what they name: a few lines can mean billions of values.
MAX_VALUES = 10_000
MAX_DEPTH = 20
# UTF-32 first: its mark begins as that of UTF-16 does.
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "seq", "map", "merge")


def read_config(path: str) -> str:
    """The text of a YAML file of options.

    It is UTF-8, or UTF-16 or UTF-32 with a byte order mark, as editors and shells on Windows write.

    Args:
        path: The file.

    Raises:
        ConfigError: It cannot be read, is no file, is too large, or is no mapping from names of
            options to values in which each name stands once; the sentence says in which line.

    Example:
        >>> read_config("recipes/translate/tatoeba.yaml")
    """
    import yaml

    text = _decode(_read(path), path)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise _error(path, text, error) from None
    except RecursionError:
        raise ConfigError(f"--config {path} is nested too deeply.") from None
    if root is None or root.tag.endswith(":null"):
        return "{}"
    _check(root, path)
    return f"#\n{text}"  # so that it is not taken for the path of a file


def _read(path: str) -> bytes:
    try:
        # Not to wait for the other end of a pipe.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(
                    f"--config {path} is a folder, a pipe or a device; name a YAML file."
                )
            with open(descriptor, "rb", closefd=False) as file:
                raw = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise ConfigError(f"--config {path}: there is no such file.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"--config {path} cannot be read: {reason}.") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"--config {path} is larger than {MAX_BYTES} bytes, so it was not read.")
    return raw


def _decode(raw: bytes, path: str) -> str:
    marked = (encoding for mark, encoding in _MARKS.items() if raw.startswith(mark))
    encoding = next(marked, "utf-8-sig")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper()
        raise ConfigError(
            f"--config {path} is not {name}: byte 0x{raw[error.start]:02x} in line {line}; save it "
            "as UTF-8."
        ) from None
    if "\0" in text:
        raise ConfigError(
            f"--config {path} holds NUL characters, as UTF-16 without a byte order mark does; save "
            "it as UTF-8."
        )
    return text


def _error(path: str, text: str, error: Exception) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", None)
    where = ""
    if mark is not None:
        where = f" in line {mark.line + 1}, column {mark.column + 1}"
    elif position is not None:  # a character that YAML does not allow
        where = f" in line {text.count(chr(10), 0, position) + 1}"
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or error
    return ConfigError(
        f"--config {path} is not valid YAML{where}: {' '.join(str(reason).split())}."
    )


def _check(root: yaml.Node, path: str) -> None:
    """Refuses what cannot be meant, or would be dropped silently."""
    import yaml

    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"--config {path} names no options; give `name: value`, one per line.")
    seen, todo = 0, [(root, 0)]
    while todo:
        node, depth = todo.pop()
        seen += 1
        line = f"--config {path}, line {node.start_mark.line + 1}"
        if seen > MAX_VALUES or depth > MAX_DEPTH:
            raise ConfigError(
                f"--config {path} stands for more than {MAX_VALUES} values, its aliases written "
                f"out, or for more than {MAX_DEPTH} inside each other."
            )
        if node.tag not in [f"tag:yaml.org,2002:{name}" for name in _TAGS]:
            raise ConfigError(f"{line}: no option takes a value with the tag {node.tag}.")
        if isinstance(node, yaml.SequenceNode):
            todo += [(child, depth + 1) for child in node.value]
        elif isinstance(node, yaml.MappingNode):
            _check_names([key for key, _ in node.value], path)
            todo += [(value, depth + 1) for _, value in node.value]
    if any(key.value == "config" for key, _ in root.value):
        raise ConfigError(f"--config {path} names a `config`; a file cannot name another one.")


def _check_names(keys: list[yaml.Node], path: str) -> None:
    names = set()
    for key in keys:
        line = f"--config {path}, line {key.start_mark.line + 1}"
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if key.tag != "tag:yaml.org,2002:str":
            found = key.value if isinstance(key.value, str) else "a list or a mapping"
            raise ConfigError(f"{line}: {found} is not a name; put it in quotes.")
        if key.value in names:
            raise ConfigError(f"{line}: {key.value!r} is given twice; keep one.")
        names.add(key.value)
