"""Comma- and tab-separated files."""

import csv
import io
import sys
import threading
from pathlib import Path

from kerasft.data.table import BlankTexts, Table, check_columns, make_table
from kerasft.data.text_files import TextFile, read_text
from kerasft.errors import DataError

# The csv module keeps one limit of a field's size (131,072 characters) for the whole process.
_limit_lock = threading.Lock()


def read_csv(
    path: Path,
    delimiter: str,
    text_column: str,
    label_column: str | None,
    blank_texts: BlankTexts = "refuse",
) -> Table:
    r"""Reads a .csv (`delimiter` ",") or .tsv ("\t") file; see `parse_csv`.

    Raises:
        DataError: The file cannot be read, or as for `parse_csv`.
    """
    return parse_csv(read_text(path), delimiter, text_column, label_column, blank_texts)


def parse_csv(
    file: TextFile,
    delimiter: str,
    text_column: str,
    label_column: str | None,
    blank_texts: BlankTexts = "refuse",
) -> Table:
    r"""Makes a table of delimited text whose first line names the columns.

    Quoting is that of RFC 4180 in both: a field in double quotes may hold delimiters and line
    ends, and doubled quotes stand for one. Blank lines are left out and counted.

    Raises:
        DataError: A column is missing, quotes do not match or a row has more or fewer fields than
            the header.
    """
    rows: list[tuple[int, str, str | None]] = []
    blank = 0
    line = 1  # where the current row starts
    with _limit_lock:
        limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
        try:
            reader = csv.reader(
                io.StringIO(file.text, newline=""), delimiter=delimiter, strict=True
            )
            header: list[str] = []
            for fields in reader:
                if not fields or (len(fields) == 1 != len(header) and not fields[0].strip()):
                    blank += 1
                elif not header:
                    header = fields
                    _check_header(file.source, header, delimiter, text_column, label_column)
                    text_index = header.index(text_column)
                    label_index = header.index(label_column) if label_column is not None else None
                elif len(fields) != len(header):
                    raise DataError(
                        f"{file.source} line {line} has {len(fields)} fields, but the header has "
                        f"{len(header)}; put double quotes around fields that hold {delimiter!r}"
                    )
                else:
                    label = None if label_index is None else fields[label_index]
                    rows.append((line, fields[text_index], label))
                line = reader.line_num + 1
        except csv.Error as error:
            raise DataError(
                f"{file.source} has broken quoting in the row that starts in line {line} "
                f'({error}); write a quote inside a quoted field as ""'
            ) from None
        finally:
            csv.field_size_limit(limit)
    return make_table(
        rows,
        source=file.source,
        sha256=file.sha256,
        dropped={"blank lines": blank},
        blank_texts=blank_texts,
    )


def _check_header(
    source: str, header: list[str], delimiter: str, text_column: str, label_column: str | None
) -> None:
    if len(header) == 1 and text_column not in header:
        for other, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas"), ("|", "bars")):
            if other != delimiter and text_column in header[0].split(other):
                raise DataError(
                    f"{source} separates its columns by {name}; write it with "
                    f"{'tabs' if delimiter == chr(9) else 'commas'}"
                )
    check_columns(source, header, text_column, label_column)
