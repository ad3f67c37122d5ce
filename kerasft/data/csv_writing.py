r"""Comma- and tab-separated files as kerasft writes them: no cell runs in a spreadsheet.

A spreadsheet takes a cell that begins with =, +, - or @ for a formula, and runs it. So a cell that
begins like one has an apostrophe put before it; plain numbers stay. Who reads the file must know
that apostrophes were put there, and must not touch those of other files: a file that has some
begins, as hardly any other does, with a name in quotes and one without (`"text",label`).
`read_texts` takes the apostrophes away there, and there alone. A tsv file begins so, too, if any of
its cells stands in quotes, which mean nothing in other tsv files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TextIO

FIRST = "text"
# Whitespace before it does not stop every spreadsheet, and some take the wide forms, too. That
# apostrophes may stand before it makes a cell that has one by itself come back as it was.
_FORMULA = re.compile("[\\s\0']*[=+@\uff1d\uff0b\uff0d\uff20-]|'*[\t\r\n]")
_NUMBER = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?")


class CsvWriter:
    r"""Writes rows that `read_texts` reads back equal, whatever their cells hold.

    Example:
        >>> with open(path, "w+", encoding="utf-8", newline="") as stream:
        ...     with CsvWriter(stream, ["text", "label"]) as writer:   # "text",label
        ...         writer.write(["hello", "=1+1"])                    # hello,'=1+1
    """

    def __init__(self, stream: TextIO, header: Sequence[str], delimiter: str = ",") -> None:
        r"""Writes the header.

        Args:
            stream: An empty text stream in UTF-8 that leaves line ends alone (`newline=""`) and can
                be read, too: what its header has to say is known at the end.
            header: The names of the columns: "text", a plain one, and perhaps others.
            delimiter: "," or "\t".
        """
        self._stream = stream
        self._delimiter = delimiter
        self._special = re.compile(f'["\r\n{delimiter}]')
        self._to_be_said = False
        if header[0] != FIRST or not re.fullmatch(r"\w+", header[1]):
            raise ValueError(f"the header {header} does not begin with {FIRST!r} and a plain name")
        self.write(header)

    def __enter__(self) -> CsvWriter:
        """The writer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Says in the header, if need be, how the cells are to be read."""
        if kind is None and self._to_be_said:
            self._stream.seek(0)
            content = self._stream.read()
            self._stream.seek(0)
            self._stream.write(f'"{FIRST}"{content.removeprefix(FIRST)}')

    def write(self, row: Sequence[str]) -> None:
        """Writes a row of as many cells as the header has."""
        self._stream.write(self._delimiter.join(map(self._cell, row)) + "\n")

    def _cell(self, cell: str) -> str:
        if _begins_formula(cell):
            cell = f"'{cell}"
            self._to_be_said = True
        if self._special.search(cell):
            cell = '"' + cell.replace('"', '""') + '"'
            self._to_be_said |= self._delimiter == "\t"
        return cell


def is_marked(first_line: str, delimiter: str) -> bool:
    """Whether a file says that it is one of ours in which apostrophes stand before formulas.

    Args:
        delimiter: What parts its columns.
    """
    start = f'"{FIRST}"{delimiter}'
    return first_line.startswith(start) and not first_line.startswith(f'{start}"')


def unmarked(cell: str) -> str:
    """A cell of a file of ours as it was before it was written."""
    return cell[1:] if cell[:1] == "'" and _begins_formula(cell[1:]) else cell


def _begins_formula(cell: str) -> bool:
    return _FORMULA.match(cell) is not None and _NUMBER.fullmatch(cell) is None
