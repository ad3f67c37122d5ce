"""The page over ways to tune a model: which to take and why, a table, two pictures, the tests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kerasft.evaluation.plots import BLUE, ORANGE
from kerasft.reporting import words
from kerasft.reporting.costs import SIZES, Costs
from kerasft.reporting.findings import few_rows
from kerasft.reporting.methods import MethodComparison, MethodScore
from kerasft.reporting.page import Page, Pictures, Section
from kerasft.reporting.plots import BASELINE, GREEN, Mark, plot_against
from kerasft.reporting.report import drawn_picture, write_page
from kerasft.reporting.tables import ReportTable, differences_table

# What becomes of an adapter when the model predicts, and the color of those of which it does.
KINDS = {
    True: ("merged into the weights", BLUE),
    False: ("stays beside the weights", ORANGE),
    None: ("no adapter", GREEN),
}


def method_findings(comparison: MethodComparison) -> list[str]:
    """The sentences at the head of the page, the most important first.

    The rule for which to take is that of `MethodComparison.choice`.
    """
    best, choice = comparison.best, comparison.choice
    sentences = [_choice(comparison, best, choice)]
    if choice is not best:
        title = comparison.scoring.main_words
        sentences.append(f"{best.name} has the highest {title}, {_score(best)}.")
    behind = [each for each in comparison.methods if each.behind and each.behind.is_clear]
    if behind:
        names = [f"{each.name} ({words.digits(each.main.value)})" for each in behind]
        sentences.append(
            f"{best.name} is ahead of {words.listed(names)} by more than chance explains (paired "
            "bootstrap); of the others these rows do not say which is better."
        )
    elif len(comparison.methods) > 1:
        sentences.append(
            f"No other is behind {best.name} by more than chance explains on these rows."
        )
    sentences += _baseline(comparison, choice)
    if comparison.failures:
        failed = words.listed(list(comparison.failures))
        sentences.append(f"Could not run, for the reasons below: {failed}.")
    return sentences + few_rows(comparison.rows)


def method_tables(comparison: MethodComparison) -> list[ReportTable]:
    """Scores and costs, a row each."""
    scores = comparison.scores
    titles = {key: title for title, key in comparison.scoring.means.items()}
    main, other = (titles[key] for key in comparison.scoring.drawn[:2])
    several = comparison.seeds > 1
    means = f" Scores and times are means over {comparison.seeds} seeds." * several
    first = ReportTable(
        "Scores",
        ["", main, *["lowest to highest"] * several, other, "parameters trained"],
        [
            [
                each.name,
                words.with_interval(each.main),
                *[_range(each.by_seed)] * several,
                words.with_interval(each.second),
                words.parameters(each.costs.trained),
            ]
            for each in scores
        ],
        f"{words.quantity(comparison.rows, 'test row')}, the same for all; in brackets: 95 % of "
        f"{comparison.draws:,} bootstrap draws of the rows.{means} Every method also trains the "
        "head; the parameters and the adapter file include it.",
    )
    second = ReportTable(
        "What it takes",
        [
            *("", "training", "peak memory", "adapter file"),
            *("a text, one at a time", "a text, 32 at a time", "merged"),
        ],
        [
            [
                each.name,
                words.duration(each.costs.train_seconds),
                words.size(each.costs.peak_memory),
                words.size(each.costs.adapter_bytes) if each.costs.adapter_bytes else _whole(each),
                *(_milliseconds(each.costs, size) for size in SIZES),
                {True: "yes", False: "no", None: ""}[each.merges],
            ]
            for each in scores
        ],
        "Peak memory: of a process that trains only this method, including Python and its "
        "libraries.",
    )
    return [first, second]


def best_table(comparison: MethodComparison) -> ReportTable:
    """The best beside each of the others, on the same rows."""
    pairs = [
        (comparison.best.name, each.name, each.behind, each.mcnemar)
        for each in comparison.scores
        if each.behind
    ]
    majority = "A row counts as right where most seeds get it right." * (comparison.seeds > 1)
    return differences_table(comparison.scoring.main_title, pairs, majority)


def write_method_page(
    destination: str | Path, comparison: MethodComparison, *, measured: str, config_yaml: str
) -> Path:
    """Writes the page, its numbers and pictures; see `report.py` for the folder.

    Args:
        destination: The folder.
        comparison: What `compare_methods` returned.
        measured: Where and how the times for a text were measured, a sentence.
        config_yaml: The resolved config.

    Returns:
        The HTML page.

    Raises:
        ConfigError: The folder cannot be written.
    """
    failures = [
        ReportTable(
            "Could not run",
            ["", "why"],
            [[name, why] for name, why in comparison.failures.items()],
            of_texts=True,
        )
    ] * bool(comparison.failures)
    legend = {label: color for label, color in KINDS.values()}
    drawn = {
        "parameters": ("Score and trained parameters", "parameters trained"),
        "seconds": ("Score and training time", "seconds of training"),
    }
    pictures = []
    for cost, (caption, axis) in drawn.items():
        marks = _marks(comparison, cost)
        plot = partial(
            plot_against,
            f"{axis} (logarithmic)",
            marks,
            legend=legend,
            score=comparison.scoring.main_words,
        )
        pictures.append(drawn_picture(f"{cost}.png", caption, plot))
    page = Page(
        "Comparison of methods",
        f"The same model, rows, split and {words.quantity(comparison.seeds, 'seed')} for each: "
        f"{words.quantity(comparison.rows, 'test row')}{_classes(comparison)}, which nothing saw "
        f"in training. Trained on {comparison.machine}.",
        method_findings(comparison),
        [
            Section("Methods", [*method_tables(comparison), measured, *failures]),
            Section("Quality against costs", [Pictures([each]) for each in pictures]),
            Section("Paired tests", [best_table(comparison)]),
        ],
    )
    return write_page(
        destination, page, {**comparison.to_dict(), "measured": measured}, config_yaml
    )


def _classes(comparison: MethodComparison) -> str:
    if not comparison.scoring.exclusive:
        return ""
    return f" of {words.quantity(len(comparison.classes), 'class', 'classes')}"


def _choice(comparison: MethodComparison, best: MethodScore, choice: MethodScore) -> str:
    trained = f"{words.parameters(choice.costs.trained)} parameters"
    merged = {
        True: "it is merged into the weights, so predictions cost nothing extra",
        False: "it cannot be merged, so every prediction computes it",
        None: "there is no adapter beside the weights",
    }[choice.merges]
    title = comparison.scoring.main_words
    if choice is best:
        why = (
            f"it has the highest {title}, {_score(choice)}, and none within a "
            f"standard error ({words.digits(comparison.standard_error)}) of that trains fewer than "
            f"its {trained}"
        )
    else:
        why = (
            f"its {title}, {_score(choice)}, is within a standard error "
            f"({words.digits(comparison.standard_error)}) of the highest, and of all that are so "
            f"near it trains the fewest parameters, {words.parameters(choice.costs.trained)}"
        )
    return f"Take {choice.name}: {why}; {merged}."


def _baseline(comparison: MethodComparison, choice: MethodScore) -> list[str]:
    """That the baseline is as good, where it is."""
    found = [each for each in comparison.scores if each.is_baseline]
    return [
        f"{each.name} alone reaches {_score(each)}: a pretrained model may not be needed here."
        for each in found
        if each.main.value >= choice.main.value - comparison.standard_error
    ]


def _score(score: MethodScore) -> str:
    return words.with_interval(score.main)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}" if len(values) > 1 else ""


def _whole(score: MethodScore) -> str:
    """What is kept where there is no adapter: the model."""
    return "" if score.is_baseline else f"the model, {words.size(score.costs.bytes)}"


def _milliseconds(costs: Costs, size: int) -> str:
    found = costs.latency.get(size)
    return words.UNKNOWN if found is None else words.milliseconds(found.median)


def _marks(comparison: MethodComparison, cost: str) -> list[Mark]:
    """The points of a picture; what was not recorded has none."""
    found = []
    for each in comparison.scores:
        x = each.costs.trained if cost == "parameters" else each.costs.train_seconds
        color = BASELINE if each.is_baseline else KINDS[each.merges][1]
        if x:
            found.append(Mark(each.name, x, each.main, color))
    return found
