"""The sentences of a report: what was compared, which classifier to take, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasft.evaluation.significance import Difference
from kerasft.reporting.comparison import Comparison, Scored
from kerasft.reporting.published import PUBLISHED
from kerasft.reporting.runs import Run
from kerasft.reporting.words import (
    chance,
    digits,
    listed,
    milliseconds,
    quantity,
    size,
    with_interval,
)

# Below so many test rows, intervals are too wide for small differences.
FEW_ROWS = 200
MISTAKES = (
    "What each classifier got wrong with the highest confidence: its blind spots, and "
    "rows whose label is wrong or debatable."
)


def findings(comparison: Comparison) -> list[str]:
    """The sentences at the head of the report, the most important first.

    The rule for which to take: the highest macro-F1 leads; of those whose difference from it may be
    chance (its 95 % interval holds 0), the one that is quickest for a single text.

    Args:
        comparison: What `compare` returned.
    """
    ranked = sorted(comparison.scored.values(), key=lambda s: -s.macro["macro_f1"].value)
    best, others = ranked[0], ranked[1:]
    sentences = [
        f"{best.candidate.name} has the highest macro-F1: "
        f"{with_interval(best.macro['macro_f1'])}, with an accuracy of "
        f"{with_interval(best.accuracy)}."
    ]
    sentences.append(_choice(comparison, best, others))
    sentences += [_lead(comparison, best, other) for other in others]
    sentences += _costs(comparison)
    for scored in comparison.scored.values():
        if scored.candidate.is_baseline:
            sentences += [
                _classes(comparison, scored, other)
                for other in comparison.scored.values()
                if not other.candidate.is_baseline
            ]
    return sentences + few_rows(comparison.rows)


def few_rows(rows: int) -> list[str]:
    """That a test of so many rows says little, where it does."""
    if rows >= FEW_ROWS:
        return []
    return [
        f"The test has {quantity(rows, 'row')} only: the intervals are wide, and differences of a "
        "few points say little."
    ]


def title(comparison: Comparison) -> str:
    """The report's title."""
    models = [name for name, s in comparison.scored.items() if not s.candidate.is_baseline]
    return f"{listed(models)} compared"


def lead(comparison: Comparison, runs: Sequence[Run]) -> str:
    """What was compared on which rows."""
    supports = np.bincount(runs[0].truth, minlength=len(comparison.classes))  # (classes,)
    largest = int(supports.argmax())
    return (
        f"The same {quantity(comparison.rows, 'test row')} of "
        f"{quantity(len(comparison.classes), 'class', 'classes')}, which no model saw in training; "
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


def _lead(comparison: Comparison, best: Scored, other: Scored) -> str:
    pair = comparison.pair(best.candidate.name, other.candidate.name)
    lead = pair.macro_f1
    verdict = "more than chance explains" if lead.is_clear else "which may be chance"
    return (
        f"{best.candidate.name} is ahead of {other.candidate.name} by {_points(lead)} of macro-F1, "
        f"{verdict} ({chance(lead.p)}); it alone is right in {pair.mcnemar.only_first} rows, "
        f"{other.candidate.name} alone in {pair.mcnemar.only_second} (McNemar's exact test: "
        f"{chance(pair.mcnemar.p)})."
    )


def _choice(comparison: Comparison, best: Scored, others: Sequence[Scored]) -> str:
    name = best.candidate.name
    near = [s for s in others if not comparison.pair(name, s.candidate.name).macro_f1.is_clear]
    level = [best, *near]
    timed = [scored for scored in level if 1 in scored.candidate.costs.latency]
    if not near:
        return (
            f"Take {name}, unless its costs are too high: by macro-F1 it is clearly the best on "
            "these rows."
        )
    if not timed:
        return f"These rows do not tell {listed([s.candidate.name for s in level])} apart."
    quickest = min(timed, key=lambda scored: scored.candidate.costs.latency[1].median)
    took = milliseconds(quickest.candidate.costs.latency[1].median)
    if quickest is best:
        return (
            f"Take {name}: those that these rows do not tell apart from it are not quicker either "
            f"({took} for a single text)."
        )
    return (
        f"These rows do not tell {listed([s.candidate.name for s in level])} apart; of these, "
        f"{quickest.candidate.name} is the quickest ({took} for a single text), so take it unless "
        "more test rows show another to be better."
    )


def _costs(comparison: Comparison) -> list[str]:
    """How long a single text takes with each, and how much each takes on the disk."""
    known = [
        f"{name} {milliseconds(costs.latency[1].median)} and {size(costs.bytes)}"
        for name, costs in ((n, s.candidate.costs) for n, s in comparison.scored.items())
        if 1 in costs.latency and costs.bytes is not None
    ]
    return [f"Time for a single text, and size on disk: {listed(known)}."] if known else []


def _classes(comparison: Comparison, baseline: Scored, other: Scored) -> str:
    """For which single classes the baseline has the higher F1."""
    simple, name = baseline.candidate.name, other.candidate.name
    differences = comparison.pair(simple, name).f1
    won = [label for label, found in differences.items() if found.value > 0]
    total = quantity(len(comparison.classes), "class", "classes")
    if not won:
        return f"{simple} has a higher F1 than {name} in none of the {total}."
    cells = [
        f"{label} ({digits(baseline.per_class[label]['f1'].value)} against "
        f"{digits(other.per_class[label]['f1'].value)})"
        for label in won
    ]
    clear = [label for label in won if differences[label].is_clear]
    if not clear:
        verdict = "by no more than chance explains"
    elif clear == won:
        verdict = "by more than chance explains"
    else:
        verdict = f"by more than chance explains in {listed(clear)} alone"
    return (
        f"{simple} has a higher F1 than {name} in {len(won)} of the {total}: {listed(cells)}; "
        f"{verdict}."
    )


def _points(found: Difference) -> str:
    return f"{digits(found.value)} [{digits(found.low)}, {digits(found.high)}]"
