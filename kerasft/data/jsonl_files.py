"""JSON-lines files: one JSON object a line."""

import json
from pathlib import Path
from typing import Any

from kerasft.data.table import BlankTexts, Table, as_label, check_columns, kind_of, make_table
from kerasft.data.text_files import read_text
from kerasft.errors import DataError


def read_jsonl(
    path: Path, text_column: str, label_column: str | None, blank_texts: BlankTexts = "refuse"
) -> Table:
    """Reads a .jsonl file. Numbers and booleans as labels become strings (3 -> "3").

    Raises:
        DataError: The file cannot be read, a line is not a JSON object, lacks a wanted key or
            holds a value of the wrong type.
    """
    file = read_text(path)
    rows: list[tuple[int, str, str | None]] = []
    blank = 0
    # By "\n" alone: str.splitlines would also cut at U+2028, which may stand inside a JSON string.
    lines = file.text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            blank += 1
            continue
        where = f"{file.source} line {number}"
        content = _parse(line, where)
        check_columns(where, list(content), text_column, label_column)
        text = content[text_column]
        if text is None:
            text = ""
        if not isinstance(text, str):
            raise DataError(f"{where} has {kind_of(text)} as {text_column!r}; it must be a string")
        label = (
            None if label_column is None else as_label(content[label_column], label_column, where)
        )
        rows.append((number, text, label))
    return make_table(
        rows,
        source=file.source,
        sha256=file.sha256,
        dropped={"blank lines": blank},
        blank_texts=blank_texts,
    )


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
