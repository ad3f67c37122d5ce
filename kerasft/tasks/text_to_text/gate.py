"""The rows that a model of several tasks in 8 bits is compared on with the one it was made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from kerasft.errors import DataError
from kerasft.runtimes.gate import GateRows
from kerasft.tasks.gate_rows import KEPT, PREDICTIONS, kept_rows, source_and_reference
from kerasft.tasks.seq2seq import SavedTask


def gate_rows(folder: Path, tasks: Sequence[SavedTask], data: str | None) -> GateRows:
    """See `Task.gate_rows`; the user's rows are pairs, whose sources begin with a prefix."""
    known = {task.name: task for task in tasks}

    def kept(row: Mapping[str, Any]) -> tuple[str, str, SavedTask]:
        return *source_and_reference(row), known[row["task"]]

    if data is None:
        rows, source = kept_rows(folder, PREDICTIONS, kept), KEPT
    else:
        rows, source = _given(tasks, data), f"rows of {data}"

    def score(wanted: Sequence[tuple[str, SavedTask]], said: Sequence[str]) -> dict[str, float]:
        from kerasft.tasks.text_to_text.scores import score_outputs

        found = {}
        for task in tasks:
            own = [place for place, (_, of) in enumerate(wanted) if of == task]
            if not own:
                continue
            outputs, references = [said[row] for row in own], [wanted[row][0] for row in own]
            share = 100 if task.metric == "exact" else 1  # which is scored from 0 to 1
            for name, value in score_outputs(task.metric, outputs, references).items():
                named = f"{task.name} {name}" if len(tasks) > 1 else name
                found[named] = share * value
        return found

    sources, references, tasks_of_rows = map(list, zip(*rows, strict=True))
    wanted = list(zip(references, tasks_of_rows, strict=True))
    return GateRows(sources, wanted, source, attrgetter("output"), score)


def _given(tasks: Sequence[SavedTask], data: str) -> list[tuple[str, str, SavedTask]]:
    """The rows of a user's file."""
    from kerasft.data.pairs import read_pairs

    pairs = read_pairs(data)
    rows = []
    for source, target in zip(pairs["source"], pairs["target"], strict=True):
        fitting = [task for task in tasks if source.startswith(task.prefix)]
        if not fitting:
            known = ", ".join(repr(task.prefix) for task in tasks)
            raise DataError(
                f"{data} has the source {source[:60]!r}, which begins with no prefix of the model "
                f"({known})."
            )
        rows.append((source, target, max(fitting, key=lambda task: len(task.prefix))))
    return rows
