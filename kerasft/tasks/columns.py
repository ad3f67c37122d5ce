"""A task's results in columns, for people and for programs: derived from the result's dataclass.

A field of a result says once what it is (`said`); tables, files, the JSON of the server and its
OpenAPI schema are made of that.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, field, fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from kerasft.text.pairs import Text

TEXT, TEXT_PAIR = "text", "text_pair"
TEXT_WIDTH = 40
# The table shows all values of a mapping up to so many, else the largest.
MOST_COLUMNS = 8
LARGEST = 3


def said(description: str, *, default: Any = MISSING, column: str = "", join: str = " ") -> Any:
    """A field of a result, or of the facts about a folder.

    Args:
        description: What it is, a sentence.
        default: Its value where none is given.
        column: Of a mapping: what the columns of its values are called, before "_KEY".
        join: Of several strings: what stands between them in a file.

    Example:
        >>> @dataclass(frozen=True)
        ... class Translation:
        ...     translation: str = said("The best translation that the search found.")
    """
    facts = {"description": description, "column": column, "join": join}
    return field(default=default, metadata=facts)


class Columns:
    """The columns of a task's results.

    In a file: the text (of a pair: both), then a column a field, the values of a mapping last, a
    column a key. On the screen: what the class names in `on_screen`; "text" is the beginning of the
    text, or of both of a pair.

    Args:
        result: The dataclass, whose fields are made by `said`.
        keys: Of its mapping, if it has one.
        pairs: Whether the results are of pairs of texts.

    Attributes:
        file_heads: The columns' names in a CSV or TSV file.
        screen_heads: The columns' heads on the screen, as wide as their cells.
    """

    def __init__(self, result: type, keys: Sequence[str] = (), *, pairs: bool = False) -> None:
        self._kinds = get_type_hints(result)
        self._names: tuple[str, ...] = result.on_screen  # type: ignore[attr-defined]
        self._keys = [printable(key) for key in keys]
        self._all = len(keys) <= MOST_COLUMNS
        is_mapping = {name: get_origin(kind) is dict for name, kind in self._kinds.items()}
        self._fields = sorted(fields(result), key=lambda each: is_mapping[each.name])
        self.file_heads: list[str] = [TEXT, TEXT_PAIR] if pairs else [TEXT]
        for each in self._fields:
            columns = [f"{each.metadata['column']}_{key}" for key in keys]
            self.file_heads += columns if is_mapping[each.name] else [each.name]
        self.screen_heads: list[str] = []
        for name in self._names:
            heads = [f"{key:>6}" for key in self._keys] if self._all else [name]
            self.screen_heads += heads if is_mapping.get(name) else [self._wide(name, name)]

    def in_file(self, text: Text, result: Any) -> list[str]:
        """The cells of one row of a file."""
        cells = [text] if isinstance(text, str) else [*text]
        for each in self._fields:
            value = getattr(result, each.name)
            if value is None:
                cells.append("")
            elif isinstance(value, Mapping):
                cells += [f"{number:.6f}" for number in value.values()]
            elif isinstance(value, bool):
                cells.append("true" if value else "false")
            elif isinstance(value, float):
                cells.append(f"{value:.6f}")
            elif is_dataclass(self._item(each.name)):
                cells.append(json.dumps([asdict(item) for item in value], ensure_ascii=False))
            else:
                cells.append(value if isinstance(value, str) else each.metadata["join"].join(value))
        return cells

    def on_screen(self, text: Text, result: Any) -> list[str]:
        """The cells of one row on the screen."""
        cells = []
        for name in self._names:
            value = beginning(text) if name == TEXT else getattr(result, name)
            if value is None:
                cells.append(self._wide(name, "-"))
            elif isinstance(value, Mapping):
                cells += self._values(value)
            elif isinstance(value, float):
                cells.append(self._wide(name, f"{value:.3f}"))
            elif isinstance(value, str):
                cells.append(self._wide(name, printable(value)))
            else:
                cells.append(", ".join(map(printable, map(str, value))) or "none")
        return cells

    def _values(self, values: Mapping[str, float]) -> list[str]:
        if self._all:
            pairs = zip(self._keys, values.values(), strict=True)
            return [f"{value:>{max(6, len(key))}.4f}" for key, value in pairs]
        largest = sorted(values, key=values.__getitem__, reverse=True)[:LARGEST]
        return [", ".join(f"{printable(key)} {values[key]:.4f}" for key in largest)]

    def _item(self, name: str) -> Any:
        """What a field is several of; None where it is one thing."""
        return next(iter(get_args(self._kinds[name])), None)

    def _wide(self, name: str, cell: str) -> str:
        """A cell as wide as its column; the last is as wide as it is."""
        if name == self._names[-1]:
            return cell
        if name == TEXT:
            return f"{cell:<{TEXT_WIDTH}}"
        if self._kinds[name] is float:
            return f"{cell:>8}"
        return f"{cell:<{max(map(len, [name, *self._keys]))}}"


def printable(text: str) -> str:
    """On one line, without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


def beginning(text: Text) -> str:
    """As much of a text (or both of a pair), `printable`, as the table has room for."""
    if not isinstance(text, str):
        return " | ".join(map(beginning, text))
    text = printable(text)
    return text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 3] + "..."
