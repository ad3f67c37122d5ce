"""JSON-lines files: one JSON object a line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasft.data.class_names import kind_of
from kerasft.data.rows import Field, RawRow, Rows, check_columns, make_rows, value_of
from kerasft.data.text_files import Budget, open_text
from kerasft.errors import DataError


def read_jsonl(path: Path, fields: Sequence[Field]) -> Rows:
    """Reads a .jsonl file. Numbers and booleans as labels become strings (3 -> "3").

    Raises:
        DataError: The file cannot be read, a line is not a JSON object, lacks a wanted key or
            holds a value of the wrong type.
    """
    rows: list[RawRow] = []
    blank = 0
    budget = Budget(str(path))
    with open_text(path) as file:
        # By "\n" alone: str.splitlines would also cut at U+2028, which may stand in a JSON string.
        for number, line in enumerate(file.lines(), start=1):
            if not line.strip():
                blank += 1
                continue
            row: RawRow = (number, *_values(line, fields, f"{file.source} line {number}"))
            budget.take("line", *row)
            rows.append(row)
    return make_rows(
        rows, fields, source=file.source, sha256=file.sha256, dropped={"blank lines": blank}
    )


def key_is_list(path: Path, key: str) -> bool:
    """Whether the first object of a .jsonl file has a list there; False where it cannot be told."""
    try:
        with open_text(path) as file:
            first = next((line for line in file.lines() if line.strip()), "{}")
        return isinstance(_parse(first, str(path)).get(key), list)
    except DataError:
        return False


def _values(line: str, fields: Sequence[Field], where: str) -> list[str | None]:
    """The value of each field in a line."""
    content = _parse(line, where)
    check_columns(where, list(content), fields)
    return [value_of(content[wanted.column], wanted, where) for wanted in fields]


def _parse(line: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except RecursionError:
        raise DataError(f"{where} is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise DataError(f"{where} is not JSON: {error.msg} at character {error.pos + 1}") from None
    except ValueError as error:  # an integer of more than 4,300 digits
        raise DataError(f"{where} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise DataError(
            f"{where} is {kind_of(content)}, not an object; write one {{...}} on each line"
        )
    return content
