"""JSON-lines files: one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from kerasft.data.class_names import as_label, kind_of
from kerasft.data.table import Columns, Table, check_columns, make_table
from kerasft.data.text_files import Budget, open_text
from kerasft.errors import DataError


def read_jsonl(path: Path, columns: Columns) -> Table:
    """Reads a .jsonl file. Numbers and booleans as labels become strings (3 -> "3").

    Raises:
        DataError: The file cannot be read, a line is not a JSON object, lacks a wanted key or
            holds a value of the wrong type.
    """
    rows: list[tuple[int, str, str | None]] = []
    blank = 0
    budget = Budget(str(path))
    with open_text(path) as file:
        # By "\n" alone: str.splitlines would also cut at U+2028, which may stand in a JSON string.
        for number, line in enumerate(file.lines(), start=1):
            if not line.strip():
                blank += 1
                continue
            row = (number, *_fields(line, columns, f"{file.source} line {number}"))
            budget.take("line", *row)
            rows.append(row)
    return make_table(
        rows, columns, source=file.source, sha256=file.sha256, dropped={"blank lines": blank}
    )


def _fields(line: str, columns: Columns, where: str) -> tuple[str, str | None]:
    """Text and label of a line."""
    content = _parse(line, where)
    check_columns(where, list(content), columns)
    text = content[columns.text]
    if text is not None and not isinstance(text, str):
        raise DataError(f"{where} has {kind_of(text)} as {columns.text!r}; it must be a string")
    if columns.label is None:
        return text or "", None
    return text or "", as_label(content[columns.label], columns.label, where)


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
