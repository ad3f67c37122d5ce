"""The files of a run's `report/` folder: each is written by itself, or left out if that fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from kerasft.errors import attempt

THIS_MODEL = "this model"
"""The model's own name among those of baselines."""
METRICS = "metrics.json"

ReportFile = tuple[str, Callable[[Path], object]]
"""A file of a report: its name, and what writes it into a path."""


def write_files(folder: Path, files: Sequence[ReportFile]) -> list[str]:
    """Writes the files of a report; one that fails is left out.

    Returns:
        A sentence on each that failed.
    """
    failures: list[str] = []
    for name, write in files:
        failed = len(failures)
        with attempt(f"The report's {name}", failures):
            write(folder / name)
        if len(failures) > failed:
            (folder / name).unlink(missing_ok=True)
    return failures


def write_records(path: Path, records: Iterable[object]) -> None:
    """Writes a JSONL file of records that JSON can hold."""
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def markdown_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table in Markdown, whatever its cells hold."""
    escaped = (
        [cell.replace("\\", r"\\").replace("|", r"\|").replace("\n", " ") for cell in row]
        for row in rows
    )
    head, *lines = ["| " + " | ".join(row) + " |" for row in (heads, *escaped)]
    return [head, "|" + "---|" * len(heads), *lines]
