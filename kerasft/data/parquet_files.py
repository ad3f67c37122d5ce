"""Parquet files, through pyarrow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from kerasft.data.rows import Field, RawRow, Rows, check_columns, make_rows, value_of
from kerasft.data.text_files import MAX_TEXT, ROW_BYTES, Budget, open_file
from kerasft.errors import DataError

# Rows that are unpacked at once, and bytes that their texts may take then.
_BATCH = 4096
_BATCH_BYTES = 64 * 2**20
_BUFFER = 2**20


def read_parquet(path: Path, fields: Sequence[Field]) -> Rows:
    """Reads some columns of a .parquet file, some thousand rows at a time.

    Numbers and booleans as labels become strings. Where the file says which classes its numbers
    are, as those of the `datasets` library do, these become the names, and rows with -1, which
    is no label, are left out and counted.

    Raises:
        DataError: pyarrow is not installed, the file is no parquet file, lacks a column, holds a
            value of the wrong type, or would take far more memory than the file has bytes.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            f"{path} needs the pyarrow library; run: pip install 'kerasft[hub-datasets]'"
        ) from None
    source = str(path)
    rows: list[RawRow] = []
    columns = [wanted.column for wanted in fields]
    with open_file(path) as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
        stream.seek(0)
        budget = Budget(source, size)
        try:
            file = pyarrow.parquet.ParquetFile(stream, buffer_size=_BUFFER)
            check_columns(source, file.schema_arrow.names, fields)
            texts = _texts_among(file.schema_arrow, fields, source)
            _check_size(file.metadata, columns, budget)
            dictionaries = pyarrow.parquet.ParquetFile(
                stream, metadata=file.metadata, read_dictionary=texts, buffer_size=_BUFFER
            )
            batches = (
                batch
                for group in range(file.num_row_groups)
                for batch in file.iter_batches(
                    _batch_rows(dictionaries, group, texts, budget),
                    row_groups=[group],
                    columns=columns,
                    use_threads=False,
                )
            )
            for row in _rows(batches, file.schema_arrow, fields, source):
                budget.take("row", *row)
                rows.append(row)
        except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
            line = f"{error}".partition("\n")[0].rstrip(".")
            raise DataError(f"{path} is not a parquet file that can be read: {line}") from None
    return make_rows(rows, fields, source=source, sha256=digest, unit="row")


def column_is_list(path: Path, column: str) -> bool:
    """Whether a column of a .parquet file holds lists; False where it cannot be told."""
    try:
        import pyarrow.parquet
        import pyarrow.types as kinds

        kind = pyarrow.parquet.read_schema(path).field(column).type
    except (ImportError, OSError, KeyError, ValueError):
        return False
    return kinds.is_list(kind) or kinds.is_large_list(kind)


def _texts_among(schema: Any, fields: Sequence[Field], source: str) -> list[str]:
    """The columns of strings; the others must hold numbers, before their rows are unpacked."""
    import pyarrow.types as kinds

    texts = []
    for wanted in fields:
        column = wanted.column
        kind = schema.field(column).type
        if kinds.is_dictionary(kind):
            kind = kind.value_type
        is_text = kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_null(kind)
        if is_text or kinds.is_string_view(kind):
            texts += [] if kinds.is_null(kind) else [column]
            continue
        if wanted.kind == "text":
            raise DataError(f"{source} has {kind} as {column!r}; its texts must be strings")
        if wanted.kind == "classes" and (kinds.is_list(kind) or kinds.is_large_list(kind)):
            continue
        number = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
        if not number and not kinds.is_boolean(kind):
            raise DataError(f"{source} has {kind} as {column!r}; a label is a string or a number")
    return texts


def _check_size(metadata: Any, columns: Sequence[str], budget: Budget) -> None:
    """Refuses what the file itself says would take too much."""
    unpacked = metadata.num_rows * ROW_BYTES
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            # What a list holds stands below the column's own name.
            if column.path_in_schema.split(".list.")[0] in columns:
                unpacked += max(0, column.total_uncompressed_size)
    if unpacked > budget.left:
        budget.refuse()


def _batch_rows(dictionaries: Any, group: int, texts: list[str], budget: Budget) -> int:
    """How many rows of a row group to unpack at once, by its longest text.

    A text that a row group repeats stands in it once, in a dictionary before its rows or as what
    the next row begins with: however often it is repeated, it takes no more room.

    Args:
        dictionaries: The file, opened so that repeated texts are read as numbers.
        group: Which row group.
        texts: The columns of strings.
        budget: What may be taken.

    Raises:
        DataError: A text is too long.
    """
    import pyarrow.compute

    rows = _BATCH
    row_group = dictionaries.metadata.row_group(group)
    for number in range(row_group.num_columns):
        column = row_group.column(number)
        if column.path_in_schema in texts and "DELTA_BYTE_ARRAY" in column.encodings:
            rows = min(rows, max(16, _BATCH_BYTES // (column.total_uncompressed_size or 1)))
    for batch in dictionaries.iter_batches(1, row_groups=[group], columns=texts, use_threads=False):
        for column in batch.columns:
            longest = pyarrow.compute.max(pyarrow.compute.binary_length(column.dictionary)).as_py()
            if (longest or 0) > 4 * MAX_TEXT:  # bytes, of which a character has four at the most
                budget.refuse_text("row group", group + 1, longest)
            rows = min(rows, max(1, _BATCH_BYTES // (longest or 1)))
        break
    return rows


def _rows(
    batches: Iterable[Any], schema: Any, fields: Sequence[Field], source: str
) -> Iterator[RawRow]:
    names = [_names(schema, wanted.column) for wanted in fields]
    bits = [_bits(schema.field(wanted.column).type) for wanted in fields]
    number = 1  # of the batch's first row
    for batch in batches:
        columns: list[list[str | None]] = []
        for wanted, named, width in zip(fields, names, bits, strict=True):
            values = batch.column(wanted.column).to_pylist()
            if wanted.kind == "text":  # strings, by the schema
                columns.append([value or "" for value in values])
            else:
                columns.append(
                    [
                        value_of(value, wanted, f"{source} row {at}", named, width)
                        for at, value in enumerate(values, start=number)
                    ]
                )
        yield from zip(range(number, number + batch.num_rows), *columns, strict=True)
        number += batch.num_rows


def _bits(kind: Any) -> int:
    """The bits of the numbers of a column; 64 where they need no care."""
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return kind.bit_width if kinds.is_floating(kind) else 64


def _names(schema: Any, column: str) -> list[str] | None:
    """The names of the numbers of a column, where the `datasets` library left them."""
    content = (schema.metadata or {}).get(b"huggingface")
    try:
        feature = json.loads(content)["info"]["features"][column] if content else {}
        feature = feature.get("feature", feature)  # of what a list holds
        names = feature["names"] if feature.get("_type") == "ClassLabel" else None
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None  # metadata of someone else's making
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return names
