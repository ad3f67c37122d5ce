"""Words with tags in columns, a word a line, as the shared tasks of CoNLL have them.

    EU      NNP  B-NP  B-ORG        the token, perhaps more columns, the tag
    rejects VBZ  B-VP  O
                                    an empty line ends a sentence
    -DOCSTART- -X- -X- O            a line that begins a document is no sentence

Source: Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task" (2003), section
2.3.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

from kerasft.data.rows import Rows
from kerasft.data.text_files import Budget, open_text
from kerasft.errors import DataError

DOCUMENT = "-DOCSTART-"
# Spaces of other kinds (no-break, ideographic) are part of tokens.
_BLANKS = re.compile(r"[ \t]+")
_TAG = re.compile(r"O|[BIESLU]-.*")


def read_conll(path: str | Path, *, token_column: int = 0, tag_column: int = -1) -> Rows:
    """Reads a file of words with tags in columns, a sentence per row.

    Columns are parted by tabs if most lines of a token have one, else by spaces and tabs; a line
    that has the usual columns only by the other way is read so, and counted. All lines have as many
    columns, two or more. Lines that begin a document ("-DOCSTART-") end a sentence; lines
    that begin with "#" before a sentence's first token and are no token with its tag are comments.

    Args:
        token_column: The column of the tokens, from 0; from -1 down it counts from the last.
        tag_column: The column of the tags, likewise.

    Returns:
        Rows with the fields "tokens", "tags" and "lines": a tuple each, of one length, where
        "lines" are the numbers of the lines in which the tokens stand.

    Raises:
        DataError: The file cannot be read, or a line is broken; the message names the file and the
            line and shows it.

    Example:
        >>> rows = read_conll("train.conll")
        >>> rows["tokens"][0][:3], rows["tags"][0][:3]
        (('EU', 'rejects', 'German'), ('B-ORG', 'O', 'B-MISC'))
    """
    budget = Budget(str(path))
    lines = []
    with open_text(Path(path)) as file:
        # By "\n" alone: tweets hold U+2028 and U+0085, which end no line of the file.
        for number, line in enumerate(file.lines(), start=1):
            lines.append(line.removesuffix("\n"))
            budget.take("line", number, lines[-1])
    if len(lines) == 1:
        lines = lines[0].split("\r")
    columns = _Columns(file.source, [line.rstrip("\r") for line in lines], token_column, tag_column)
    fields = columns.fields()
    return Rows(fields, file.source, file.sha256, notes=columns.notes())


class _Columns:
    """The lines of one file.

    Args:
        source: The file, for messages.
        lines: Its lines, without their ends.
        token_column: As for `read_conll`.
    """

    def __init__(self, source: str, lines: list[str], token_column: int, tag_column: int) -> None:
        self._source = source
        self._lines = lines
        self._token_column, self._tag_column = token_column, tag_column
        rows = (line.strip(" \t") for line in self._lines if self._may_be_row(line))
        tabs = ["\t" in line for line in rows if _BLANKS.search(line)]
        self._tabs = 2 * sum(tabs) > len(tabs)
        self._columns = 0
        self._columns = self._usual_columns()
        self._comments = 0
        self._documents = 0
        self._others = 0

    def fields(self) -> dict[str, list[tuple[Any, ...]]]:
        """The sentences, as `read_conll` returns them.

        Raises:
            DataError: A line is broken.
        """
        fields: dict[str, list[tuple[Any, ...]]] = {"tokens": [], "tags": [], "lines": []}
        rows: list[tuple[str, str, int]] = []

        def end() -> None:
            if rows:
                for values, column in zip(fields.values(), zip(*rows, strict=True), strict=True):
                    values.append(column)
                rows.clear()

        for number, line in enumerate(self._lines, start=1):
            if not line.strip(" \t"):
                end()
            elif line.lstrip(" \t").startswith(DOCUMENT):
                end()
                self._documents += 1
            elif not rows and line.startswith("#") and not self._is_row(line):
                self._comments += 1
            else:
                rows.append((*self._row(number, line), number))
        end()
        return fields

    def notes(self) -> list[str]:
        """What was passed over, one sentence each; complete after `fields`."""
        return [
            f"{count} {what}{'' if count == 1 else 's'} of {self._source} passed over"
            for count, what in (
                (self._documents, "document line"),
                (self._comments, "comment line"),
            )
            if count
        ] + [
            f"{count} line{' has' if count == 1 else 's have'} columns parted by "
            f"{'spaces' if self._tabs else 'tabs'}, where most of {self._source} have "
            f"{'tabs' if self._tabs else 'spaces'}"
            for count in [self._others]
            if count
        ]

    def _cells(self, line: str) -> list[str]:
        tabs = line.rstrip("\t ").split("\t") if self._tabs else []
        if self._tabs and len(tabs) == self._columns:
            cells = tabs
        else:
            cells = _BLANKS.split(line.strip(" \t"))
            if self._tabs and len(cells) != self._columns:
                cells = tabs
        # A token may be a space of another kind, but none stands around one.
        return [cell.strip() or cell.strip(" \t") for cell in cells]

    def _may_be_row(self, line: str) -> bool:
        """Whether a line is neither empty, nor begins a document, nor may be a comment."""
        start = line.lstrip(" \t")
        return bool(start) and not start.startswith(("#", DOCUMENT))

    def _usual_columns(self) -> int:
        """How many columns most lines have, so that the odd one out can be named."""
        counts = Counter(len(self._cells(line)) for line in self._lines if self._may_be_row(line))
        return counts.most_common(1)[0][0] if counts else 0

    def _is_row(self, line: str) -> bool:
        cells = self._cells(line)
        if len(cells) != self._columns or not self._has(self._tag_column):
            return False
        return _TAG.fullmatch(cells[self._tag_column]) is not None

    def _has(self, column: int) -> bool:
        return -self._columns <= column < self._columns

    def _row(self, number: int, line: str) -> tuple[str, str]:
        """Token and tag of a line."""
        cells = self._cells(line)
        tabs = line.strip(" \t").count("\t")
        self._others += tabs != self._columns - 1 if self._tabs else tabs > 0
        if self._columns < 2:
            self._refuse(number, line, "has one column only, but needs a token and a tag")
        if len(cells) != self._columns:
            kind = "tabs" if self._tabs else "spaces"
            columns = f"{len(cells)} column{'' if len(cells) == 1 else 's'}"
            self._refuse(
                number, line, f"has {columns} (parted by {kind}), where most have {self._columns}"
            )
        for column, option in (
            (self._token_column, "token_column"),
            (self._tag_column, "tag_column"),
        ):
            if not self._has(column):
                self._refuse(
                    number, line, f"has {self._columns} columns, so there is no --{option} {column}"
                )
        token, tag = cells[self._token_column], cells[self._tag_column]
        if not token or not tag:
            self._refuse(number, line, f"has no {'tag' if token else 'token'}")
        return token, tag

    def _refuse(self, number: int, line: str, reason: str) -> None:
        shown = line if len(line) <= 60 else line[:57] + "..."
        raise DataError(f"{self._source} line {number} {reason}: {shown!r}")
