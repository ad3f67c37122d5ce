"""Where predictions go: a table on the screen, CSV or JSON lines in a file."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol, TextIO

from kerasft import storage
from kerasft.data.csv_writing import CsvWriter
from kerasft.errors import ConfigError
from kerasft.tasks.columns import TEXT, TEXT_PAIR, Columns
from kerasft.text.pairs import Text

SUFFIXES = (".csv", ".tsv", ".jsonl")


class Writer(Protocol):
    """What takes the predictions one by one."""

    def write(self, text: Text, prediction: Any) -> None:
        """Writes one text and what was predicted for it."""


def check_file(path: str | Path, overwrite: bool) -> None:
    """Refuses an output file that cannot or must not be written, before any work.

    Raises:
        ConfigError: An unknown suffix, an existing file without `overwrite`, or a missing folder.
    """
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--output {path} must end in one of {', '.join(SUFFIXES)}")
    if file.is_dir():
        raise ConfigError(f"--output {path} is a folder; name a file")
    if file.exists() and not overwrite:
        raise ConfigError(f"--output {path} exists; name another file or add --overwrite")
    if not file.absolute().parent.is_dir():
        raise ConfigError(f"--output {path}: there is no folder {file.absolute().parent}")


@contextmanager
def open_writer(options: argparse.Namespace, columns: Columns) -> Iterator[Writer]:
    """The writer that the command line asks for; a file appears when all of it is written."""
    if not options.output:
        if hasattr(sys.stdout, "reconfigure"):  # a terminal that cannot show every character
            sys.stdout.reconfigure(errors="backslashreplace")
        if options.format == "jsonl":
            yield JsonLines(sys.stdout)
        else:
            yield Table(sys.stdout, columns)
        return
    with (
        storage.write_file(options.output) as path,
        open(path, "w+", encoding="utf-8", newline="") as stream,
    ):
        suffix = Path(options.output).suffix.lower()
        if suffix == ".jsonl":
            yield JsonLines(stream)
        else:
            delimiter = "," if suffix == ".csv" else "\t"
            with CsvWriter(stream, columns.file_heads, delimiter) as rows:
                yield Csv(rows, columns)


class JsonLines:
    """One JSON object a line: the text, and the fields of its prediction."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: Text, prediction: Any) -> None:
        """Writes one line."""
        sides = (text,) if isinstance(text, str) else text
        texts = dict(zip((TEXT, TEXT_PAIR), sides, strict=False))
        row = {**texts, **asdict(prediction)}
        print(json.dumps(row, ensure_ascii=False), file=self._stream)


class Csv:
    """A row a text, below the columns' names (RFC 4180); see `CsvWriter`."""

    def __init__(self, rows: CsvWriter, columns: Columns) -> None:
        self._rows, self._columns = rows, columns

    def write(self, text: Text, prediction: Any) -> None:
        """Writes one row."""
        self._rows.write(self._columns.in_file(text, prediction))


class Table:
    """Columns for people."""

    def __init__(self, stream: TextIO, columns: Columns) -> None:
        self._stream, self._columns = stream, columns
        self._row(columns.screen_heads)

    def write(self, text: Text, prediction: Any) -> None:
        """Writes one row."""
        self._row(self._columns.on_screen(text, prediction))

    def _row(self, cells: Sequence[str]) -> None:
        print("  ".join(cells), file=self._stream)
