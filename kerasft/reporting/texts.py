"""The sentences of a report that are not findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasft.reporting.comparison import Comparison
from kerasft.reporting.runs import Run
from kerasft.reporting.size_plot import PUBLISHED
from kerasft.reporting.words import count, listed

MISTAKES = (
    "What each classifier got wrong while it was surest, the surest first: its blind spots, and "
    "rows whose label is wrong or could as well be another."
)


def title(comparison: Comparison) -> str:
    """The report's title."""
    models = [name for name, s in comparison.scored.items() if not s.candidate.is_baseline]
    return f"{listed(models)} compared"


def lead(comparison: Comparison, runs: Sequence[Run]) -> str:
    """What was compared on which rows."""
    supports = np.bincount(runs[0].truth, minlength=len(comparison.classes))  # (classes,)
    largest = int(supports.argmax())
    return (
        f"The same {count(comparison.rows, 'test row')} of "
        f"{count(len(comparison.classes), 'class', 'classes')}, which no model saw in training; "
        f"the largest class, {comparison.classes[largest]}, has "
        f"{supports[largest] / comparison.rows:.0%} of them. Folders: "
        f"{listed([str(run.folder) for run in runs])}."
    )


def sizes(comparison: Comparison) -> str:
    """How the models' sizes compare to the largest of the published ones."""
    known = {
        name: s.candidate.costs.parameters
        for name, s in comparison.scored.items()
        if s.candidate.costs.parameters and not s.candidate.is_baseline
    }
    if not known:
        return "No run recorded how many parameters it has."
    largest = max(known, key=lambda name: known[name])
    giant = PUBLISHED[-1]
    return (
        f"{giant.name} has {giant.parameters / known[largest]:,.0f} times as many parameters as "
        f"{largest}, the largest of the models compared here. Published counts; those of models "
        "with experts count all experts."
    )
