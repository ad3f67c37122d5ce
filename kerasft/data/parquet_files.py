"""Parquet files, through pyarrow."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

from kerasft.data.table import BlankTexts, Table, as_label, check_columns, kind_of, make_table
from kerasft.data.text_files import read_bytes
from kerasft.errors import DataError


def read_parquet(
    path: Path, text_column: str, label_column: str | None, blank_texts: BlankTexts = "refuse"
) -> Table:
    """Reads two columns of a .parquet file. Numbers and booleans as labels become strings.

    Raises:
        DataError: pyarrow is not installed, the file is no parquet file, lacks a column or holds
            a value of the wrong type.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise DataError(
            f"{path} needs the pyarrow library; run: pip install 'kerasft[hub-datasets]'"
        ) from None
    content = read_bytes(path)
    source = str(path)
    try:
        with pyarrow.parquet.ParquetFile(io.BytesIO(content)) as file:
            check_columns(source, file.schema_arrow.names, text_column, label_column)
            columns = [name for name in (text_column, label_column) if name is not None]
            data = file.read(columns=columns).to_pydict()
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        line = f"{error}".partition("\n")[0].rstrip(".")
        raise DataError(f"{path} is not a parquet file that can be read: {line}") from None
    labels = [None] * len(data[text_column]) if label_column is None else data[label_column]
    rows: list[tuple[int, str, str | None]] = []
    for row, (text, label) in enumerate(zip(data[text_column], labels, strict=True), start=1):
        where = f"{source} row {row}"
        if text is not None and not isinstance(text, str):
            raise DataError(f"{where} has {kind_of(text)} as {text_column!r}; it must be a string")
        named = None if label_column is None else as_label(label, label_column, where)
        rows.append((row, text or "", named))
    digest = hashlib.sha256(content).hexdigest()
    return make_table(rows, source=source, sha256=digest, unit="row", blank_texts=blank_texts)
