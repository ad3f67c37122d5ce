"""The tables of a report, as cells; the page and the Markdown file show the same ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kerasft.evaluation.significance import Difference, McNemar
from kerasft.folder.card import MOST_ROWS
from kerasft.reporting import words
from kerasft.reporting.comparison import MACRO, PER_CLASS, Comparison, Mistake
from kerasft.reporting.costs import SIZES, Costs

LONGEST_TEXT = 300  # characters


@dataclass(frozen=True)
class ReportTable:
    """One table.

    Attributes:
        title: Its heading.
        head: The names of the columns.
        rows: The cells; the first of each row names it.
        note: What must be known to read it.
        of_texts: Whether its first column holds texts, which take several lines.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    of_texts: bool = False


def score_table(comparison: Comparison) -> ReportTable:
    """Accuracy and the means over the classes, with their intervals, a row each candidate."""
    rows = [
        [
            name,
            words.with_interval(scored.accuracy),
            *(words.with_interval(scored.macro[key]) for key in MACRO),
            f"{scored.metrics['loss']:.3f}",
        ]
        for name, scored in comparison.scored.items()
    ]
    return ReportTable(
        "Accuracy, and means over the classes",
        ["", "accuracy", "macro precision", "macro recall", "macro F1", "log loss"],
        rows,
        f"{words.quantity(comparison.rows, 'test row')}. In brackets: 95 % of "
        f"{comparison.draws:,} bootstrap draws of the rows lie there (the same draws for all). "
        "Macro: the plain mean over the classes.",
    )


def class_tables(comparison: Comparison) -> list[ReportTable]:
    """F1, precision and recall of each class: a table each, a row each class."""
    titles = {"f1": "F1", "precision": "precision", "recall": "recall"}
    return [_class_table(comparison, key, titles[key]) for key in reversed(PER_CLASS)]


def _class_table(comparison: Comparison, key: str, title: str) -> ReportTable:
    labels = comparison.telling_classes(MOST_ROWS)
    rows = [
        [
            label,
            f"{comparison.support(label):,}",
            *(
                words.with_interval(scored.per_class[label][key])
                for scored in comparison.scored.values()
            ),
        ]
        for label in labels
    ]
    head = ["class", "test rows", *comparison.scored]
    note = ""
    if len(labels) < len(comparison.classes):
        note = (
            f"The {len(labels)} of {len(comparison.classes):,} classes whose F1 differ most; "
            "metrics.json has all."
        )
    return ReportTable(f"{title[0].upper()}{title[1:]} of each class", head, rows, note)


def pair_table(comparison: Comparison) -> ReportTable:
    """Every two candidates on the same rows."""
    rows = [
        [
            f"{pair.first} less {pair.second}",
            signed_difference(pair.accuracy),
            f"{pair.mcnemar.only_first} and {pair.mcnemar.only_second}",
            words.digits(pair.mcnemar.p),
            signed_difference(pair.macro_f1),
            words.digits(pair.macro_f1.p),
        ]
        for pair in comparison.pairs
    ]
    return ReportTable(
        "Which differences are more than chance",
        ["", "accuracy", "right alone", "p (McNemar)", "macro F1", "p (bootstrap)"],
        rows,
        "Paired: both classifiers on the same rows. McNemar's exact test asks whether the rows "
        "that one alone gets right are split more unevenly than a fair coin would; the bootstrap, "
        "how many draws turn the difference around. The probabilities are not corrected for the "
        "number of pairs.",
    )


def differences_table(
    main: str, pairs: Sequence[tuple[str, str, Difference, McNemar | None]], more: str = ""
) -> ReportTable:
    """Differences of the main score, each of two candidates on the same rows.

    Args:
        main: The printed name of the score.
        pairs: Both names, the first's score less the second's, and the test on the rows that are
            right; None where rows are nearer or farther.
        more: What else must be known to read that test, a sentence.
    """
    tested = any(test for *_, test in pairs)
    rows = []
    for first, second, less, test in pairs:
        rows.append([f"{first} less {second}", signed_difference(less), words.digits(less.p)])
        if test:
            rows[-1] += [f"{test.only_first} and {test.only_second}", words.digits(test.p)]
    exact = (
        "; McNemar's exact test, whether the rows that one alone gets right are split more "
        "unevenly than a fair coin would"
    )
    return ReportTable(
        "Which differences are more than chance",
        ["", main, "p (bootstrap)", *["right alone", "p (McNemar)"] * tested],
        rows,
        "Paired: both on the same rows. The bootstrap asks how many draws of the rows turn the "
        f"difference around{exact * tested}. The probabilities are not corrected for the number of "
        f"pairs.{f' {more}' * bool(more and tested)}",
    )


def calibration_table(comparison: Comparison) -> ReportTable:
    """How far probabilities can be believed."""
    rows = [
        [name, f"{scored.calibration.ece:.3f}", f"{scored.calibration.brier:.3f}"]
        for name, scored in comparison.scored.items()
    ]
    return ReportTable(
        "How reliable the probabilities are",
        ["", "expected calibration error", "Brier score"],
        rows,
        "0 is best in both. The error is the mean gap between confidence and accuracy over 10 bins "
        "of equally many rows; the Brier score is the squared distance between the probabilities "
        "and the truth, summed over the classes.",
    )


def training_table(costs_by_name: Mapping[str, Costs]) -> ReportTable:
    """What each candidate took to train, by its name."""
    rows = [
        [
            name,
            words.duration(costs.train_seconds),
            words.size(costs.peak_memory),
            words.parameters(costs.trained),
            words.parameters(costs.parameters),
            costs.machine or words.UNKNOWN,
        ]
        for name, costs in costs_by_name.items()
    ]
    return ReportTable(
        "To train",
        ["", "time", "peak memory", "parameters trained", "of", "on"],
        rows,
        "Peak memory: of the process until its test, including Python and its "
        "libraries. The parameters of a baseline are its coefficients.",
    )


def running_table(costs_by_name: Mapping[str, Costs], measured: str) -> ReportTable:
    """What each candidate takes to run, by its name.

    Args:
        measured: Where and how the times were measured, a sentence.
    """
    rows = [
        [
            name,
            words.size(costs.bytes),
            words.size(costs.adapter_bytes) if costs.adapter_bytes else "",
            *(
                words.milliseconds(costs.latency[size].median)
                if size in costs.latency
                else words.UNKNOWN
                for size in SIZES
            ),
        ]
        for name, costs in costs_by_name.items()
    ]
    times = [f"a text, {'one' if size == 1 else size} at a time" for size in SIZES]
    return ReportTable(
        "To run",
        ["", "on the disk", "of which adapter", *times],
        rows,
        f"{measured} Those of a baseline were measured by the run that fitted it. On disk: what "
        "predicting needs.",
    )


def mistake_table(name: str, mistakes: Sequence[Mistake]) -> ReportTable:
    """What a candidate got wrong with the most confidence.

    Args:
        name: The candidate's.
    """
    others = list(mistakes[0].others) if mistakes else []
    rows = [
        [
            one_line(mistake.text, LONGEST_TEXT),
            mistake.label,
            f"{mistake.predicted} ({mistake.probability:.3f})",
            *(mistake.others[other] for other in others),
        ]
        for mistake in mistakes
    ]
    head = ["text", "label of the data", f"{name} says", *(f"{other} says" for other in others)]
    return ReportTable(f"The most confident mistakes of {name}", head, rows, of_texts=True)


def as_text(table: ReportTable) -> str:
    """A table for the screen: the first column left-aligned, the others right-aligned."""
    lines = [table.head, *table.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(table.head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def one_line(text: str, longest: int) -> str:
    """A text in one line, cut at `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def signed_difference(found: Difference) -> str:
    """A difference with its interval: "+0.021 [-0.004, +0.046]"."""
    # What rounds to 0 has no sign.
    value, low, high = (
        number if abs(number) >= 0.0005 else 0.0 for number in (found.value, found.low, found.high)
    )
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
