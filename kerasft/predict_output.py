"""Predictions for people and for programs: a table on the screen, CSV or JSON lines in a file."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol, TextIO

from kerasft import storage
from kerasft.errors import ConfigError

SUFFIXES = (".csv", ".tsv", ".jsonl")
# The table shows the probabilities of all labels up to so many, else of the likeliest.
MOST_COLUMNS = 8
LIKELIEST = 3
TEXT_WIDTH = 40


@dataclass(frozen=True)
class Prediction:
    """What the model says of one text.

    Attributes:
        label: The label of the highest probability.
        probabilities: Label -> probability, in the order of the label map; they sum to 1.
        cut: Whether the text was longer than the model reads, so that its end was not seen.
    """

    label: str
    probabilities: dict[str, float]
    cut: bool


class Writer(Protocol):
    """What takes the predictions one by one."""

    def write(self, text: str, prediction: Prediction) -> None:
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
def open_writer(options: argparse.Namespace, label_names: Sequence[str]) -> Iterator[Writer]:
    """The writer that the command line asks for; a file appears when all of it is written."""
    if not options.output:
        if hasattr(sys.stdout, "reconfigure"):  # a terminal that cannot show every character
            sys.stdout.reconfigure(errors="backslashreplace")
        if options.format == "jsonl":
            yield JsonLines(sys.stdout)
        else:
            yield Table(sys.stdout, label_names)
        return
    with (
        storage.write_file(options.output) as path,
        open(path, "w", encoding="utf-8", newline="") as stream,
    ):
        suffix = Path(options.output).suffix.lower()
        if suffix == ".jsonl":
            yield JsonLines(stream)
        else:
            yield Csv(stream, label_names, "," if suffix == ".csv" else "\t")


class JsonLines:
    """One JSON object a line: text, label, probabilities, cut."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str, prediction: Prediction) -> None:
        """Writes one line."""
        print(
            json.dumps({"text": text, **asdict(prediction)}, ensure_ascii=False), file=self._stream
        )


class Csv:
    """Columns text, label, cut, and one `probability_LABEL` a label (RFC 4180)."""

    def __init__(self, stream: TextIO, label_names: Sequence[str], delimiter: str) -> None:
        self._writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        self._writer.writerow(
            ["text", "label", "cut", *(f"probability_{name}" for name in label_names)]
        )

    def write(self, text: str, prediction: Prediction) -> None:
        """Writes one row."""
        probabilities = (f"{value:.6f}" for value in prediction.probabilities.values())
        cut = "true" if prediction.cut else "false"
        self._writer.writerow([text, prediction.label, cut, *probabilities])


class Table:
    """Columns for people: the label, the probabilities, the beginning of the text."""

    def __init__(self, stream: TextIO, label_names: Sequence[str]) -> None:
        self._stream = stream
        self._width = max(len("label"), *(len(_printable(name)) for name in label_names))
        self._names = [_printable(name) for name in label_names]
        self._has_columns = len(label_names) <= MOST_COLUMNS
        heads = [f"{name:>6}" for name in self._names] if self._has_columns else ["probabilities"]
        self._row("label", heads, "text")

    def write(self, text: str, prediction: Prediction) -> None:
        """Writes one row."""
        values = prediction.probabilities
        if self._has_columns:
            cells = [
                f"{value:>{max(6, len(name))}.4f}"
                for name, value in zip(self._names, values.values(), strict=True)
            ]
        else:
            best = sorted(values, key=values.__getitem__, reverse=True)[:LIKELIEST]
            cells = [", ".join(f"{_printable(name)} {values[name]:.4f}" for name in best)]
        text = _printable(text)
        if len(text) > TEXT_WIDTH:
            text = text[: TEXT_WIDTH - 3] + "..."
        self._row(_printable(prediction.label), cells, text)

    def _row(self, label: str, cells: Sequence[str], text: str) -> None:
        print(f"{label:<{self._width}}  {'  '.join(cells)}  {text}", file=self._stream)


def _printable(text: str) -> str:
    """On one line, without the control characters that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
