"""Comma- and tab-separated files."""

from __future__ import annotations

import csv
import itertools
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kerasft.data.class_names import tidy_label
from kerasft.data.csv_writing import is_marked, unmarked
from kerasft.data.rows import Field, RawRow, Rows, check_columns, make_rows, numbered
from kerasft.data.text_files import MAX_LINE, MAX_TEXT, Budget, TextFile, open_text
from kerasft.errors import DataError

# The csv module keeps one limit of a field's size (131,072 characters) for the whole process.
_limit_lock = threading.RLock()
_SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


def read_csv(path: Path, delimiter: str, fields: Sequence[Field]) -> Rows:
    r"""Reads a .csv (`delimiter` ",") or .tsv ("\t") file; see `parse_csv`.

    Raises:
        DataError: The file cannot be read, or as for `parse_csv`.
    """
    with open_text(path, nul=True) as file:
        return parse_csv(file, delimiter, fields)


def parse_csv(
    file: TextFile, delimiter: str, fields: Sequence[Field], budget: Budget | None = None
) -> Rows:
    r"""Reads the fields of delimited text whose first line names the columns; see `CsvRows`.

    Raises:
        DataError: A column is missing, or as for `CsvRows`.
    """
    budget = budget or Budget(file.source)
    found: list[RawRow] = []
    with csv_rows(file, delimiter) as rows:
        _check_header(file.source, rows, fields)
        places = [rows.header.index(wanted.column) for wanted in fields]
        named = next((n for n, wanted in enumerate(fields) if wanted.kind != "text"), None)
        swallowed = _Swallowed(rows, None if named is None else places[named])
        for line, cells in rows:
            swallowed.look(line, cells)
            row: RawRow = (line, *[cells[place] for place in places])
            budget.take("line", *row)
            found.append(row)
    if rows.quoted:
        labels = set() if named is None else {row[1 + named] for row in found}
        notes = swallowed.notes(file.source, labels)
    else:
        notes = _in_quotes((row[1] for row in found), file.source)
    return make_rows(
        found,
        fields,
        source=file.source,
        sha256=file.sha256,
        dropped={"blank lines": rows.blank},
        notes=notes,
    )


class CsvRows:
    r"""The rows of delimited text below its header.

    In a csv file quoting is that of RFC 4180: a field in double quotes may hold delimiters and line
    ends, and doubled quotes stand for one. In a tsv file quotes mean nothing, unless the first name
    of the header stands in them. A first line such as "sep=;", as Excel writes it, names the
    delimiter. Blank lines are left out and counted. What `CsvWriter` put before formulas is taken
    away again.

    Attributes:
        header: The names of the columns.
        delimiter: What parts them.
        quoted: Whether quotes mean something.
        blank: Blank lines so far.

    Raises:
        DataError: The file cannot be read, quotes do not match, a field is too long, or a row has
            more or fewer fields than the header.
    """

    def __init__(self, file: TextFile, delimiter: str) -> None:
        r"""Reads the header.

        Args:
            delimiter: "," or "\t".
        """
        self._source = file.source
        self.blank = 0
        lines = file.lines(newline="")
        before = 0  # lines that the csv module does not see
        first = ""
        for first in lines:
            separator = _SEPARATOR.fullmatch(first)
            if separator:
                delimiter = separator[1]
            elif first.strip():
                break
            else:
                self.blank += 1
            before += 1
        else:
            raise DataError(f"{file.source} has no rows; it needs a header and a row per text")
        self.delimiter = delimiter
        self.quoted = delimiter != "\t" or re.match('"[^"\t]*"[\t\r\n]', first) is not None
        self._marked = is_marked(first, delimiter)
        self._before = before
        self._size = 0  # characters of the row that is being read
        self._reader = csv.reader(
            self._counted(itertools.chain([first], lines)),
            delimiter=delimiter,
            quoting=csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE,
            strict=True,
        )
        self.header: list[str] = []
        self.header = next(self._all())[1]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """The line in which each row begins, and its fields."""
        for line, fields in self._all():
            if len(fields) != len(self.header):
                advice = f"put double quotes around fields that hold {self.delimiter!r}"
                if not self.quoted:
                    advice = "in a tsv file tabs and line ends part fields, in quotes too"
                raise DataError(
                    f"{self._source} line {line} has {len(fields)} fields, but the header has "
                    f"{len(self.header)}; {advice}"
                )
            yield line, fields

    def _counted(self, lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            self._size += len(line)
            if self._size > MAX_LINE:
                raise DataError(
                    f"{self._source} has a row of more than {MAX_LINE} characters that ends in "
                    f"line {self._reader.line_num + self._before + 1} or later; close its quotes"
                )
            yield line

    def _all(self) -> Iterator[tuple[int, list[str]]]:
        line = self._reader.line_num + self._before + 1
        try:
            for fields in self._reader:
                self._size = 0
                if not fields or (len(fields) == 1 != len(self.header) and not fields[0].strip()):
                    self.blank += 1
                elif self._marked:
                    yield line, [unmarked(field) for field in fields]
                else:
                    yield line, fields
                line = self._reader.line_num + self._before + 1
        except csv.Error as error:
            if "field larger" in str(error):
                raise DataError(
                    f"{self._source} has a text of more than {MAX_TEXT} characters in the row that "
                    f"starts in line {line}; shorten or split it, or close its quotes"
                ) from None
            raise DataError(
                f"{self._source} has broken quoting in the row that starts in line {line} "
                f'({error}); write a quote inside a quoted field as ""'
            ) from None


@contextmanager
def csv_rows(file: TextFile, delimiter: str) -> Iterator[CsvRows]:
    """The rows of a file, to be read inside of the `with` block.

    Raises:
        DataError: As for `CsvRows`.
    """
    with _limit_lock:
        limit = csv.field_size_limit(MAX_TEXT)
        try:
            yield CsvRows(file, delimiter)
        finally:
            csv.field_size_limit(limit)


def _check_header(source: str, rows: CsvRows, fields: Sequence[Field]) -> None:
    header, columns = rows.header, [wanted.column for wanted in fields]
    if len(header) == 1 and columns[0] not in header:
        for other, name in ((";", "semicolons"), ("\t", "tabs"), (",", "commas"), ("|", "bars")):
            if other != rows.delimiter and columns[0] in header[0].split(other):
                raise DataError(
                    f"{source} separates its columns by {name}; write it with "
                    f"{'tabs' if rows.delimiter == chr(9) else 'commas'}"
                )
    tidied = [tidy_label(name) for name in header]
    if not set(columns) <= set(header) and set(columns) <= set(tidied):
        rows.header = header = tidied  # a second byte order mark, blanks around a name
    check_columns(source, header, fields)


class _Swallowed:
    """Fields that hold line ends and look as if rows were among their lines.

    Args:
        label: The number of the column of the labels; None if they are not asked for.
    """

    def __init__(self, rows: CsvRows, label: int | None) -> None:
        self._rows, self._label = rows, label
        self._found: list[tuple[int, str]] = []  # where, and what would be a label

    def look(self, line: int, fields: list[str]) -> None:
        """Looks at a row."""
        columns = len(fields)
        for number, field in enumerate(fields):
            if "\n" not in field and "\r" not in field:
                continue
            # The first line would end a row here, the last begin one, others be rows.
            first, *others = [part.split(self._rows.delimiter) for part in field.splitlines()]
            if not others or len(first) < columns - number:
                continue
            *between, last = others
            if len(last) <= number or any(len(part) < columns for part in between):
                continue
            name = ""
            if self._label is not None:
                before = self._label < number
                name = others[0][self._label] if before else first[self._label - columns]
            self._found.append((line, name))

    def notes(self, source: str, labels: set[str]) -> list[str]:
        """A sentence if there were such fields; with labels, if what they hold looks like some."""
        names = Counter(name for _, name in self._found)
        lines = [
            line
            for line, name in self._found
            if self._label is None or name in labels or names[name] > 1
        ]
        if not lines:
            return []
        many = len(lines) > 1
        return [
            f"{len(lines)} row{'s' if many else ''} of {source} "
            f"{'hold' if many else 'holds'} line ends in quotes and may have swallowed the rows "
            f"below ({numbered('line', lines)}): if so, double the quotes that open "
            f"{'them' if many else 'it'}"
        ]


def _in_quotes(texts: Iterable[str], source: str) -> list[str]:
    """A sentence if texts of a tsv file stand in quotes."""
    count = sum(len(text) > 1 and text[0] == text[-1] == '"' for text in texts)
    if not count:
        return []
    return [
        f"{count} text{' stands' if count == 1 else 's stand'} in double quotes in {source}; in a "
        "tsv file these mean nothing, so they are part of the text"
    ]
