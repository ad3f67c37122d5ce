"""The tables of a report as one Markdown file, for a wiki or a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.reporting import tables, texts
from kerasft.reporting.comparison import Comparison
from kerasft.reporting.pictures import Pictures
from kerasft.reporting.runs import Run
from kerasft.reporting.size_plot import PUBLISHED
from kerasft.reporting.words import parameters

# Mistakes of each candidate; the page has more.
SHORT = 3


def markdown_page(
    comparison: Comparison,
    pictures: Pictures,
    sentences: Sequence[str],
    runs: Sequence[Run],
    measured: str,
) -> str:
    """The whole file; its pictures lie beside it.

    Args:
        comparison: What `compare` returned.
        pictures: What `draw` returned.
        sentences: What `findings` returned.
        runs: The saved classifiers.
        measured: Where and how the times for a text were measured, a sentence.
    """
    shown = [
        tables.score_table(comparison),
        tables.pair_table(comparison),
        *tables.class_tables(comparison),
        tables.calibration_table(comparison),
        tables.training_table(comparison),
        tables.running_table(comparison, measured),
        *(
            tables.mistake_table(name, scored.mistakes[:SHORT], longest=160)
            for name, scored in comparison.scored.items()
            if scored.mistakes
        ),
    ]
    parts = [f"# {texts.title(comparison)}", texts.lead(comparison, runs)]
    parts.append("\n".join(f"- {_escaped(sentence)}" for sentence in sentences))
    parts += map(_table, shown)
    parts += [f"## Pictures\n\n{texts.sizes(comparison)}"]
    parts += [f"![{_escaped(p.caption)}]({p.file})" for p in pictures.all()]
    sources = [
        f"- {p.name}, {parameters(p.parameters)}: {p.authors}, [{p.paper}]({p.link})"
        for p in PUBLISHED
    ]
    return "\n\n".join([*parts, "\n".join(sources)]) + "\n"


def _table(table: tables.Table) -> str:
    lines = [table.head, ["---"] + ["---:"] * (len(table.head) - 1), *table.rows]
    cells = [
        [_escaped(cell) for cell in line] if number != 1 else line
        for number, line in enumerate(lines)
    ]
    body = "\n".join("| " + " | ".join(line) + " |" for line in cells)
    note = f"\n\n{_escaped(table.note)}" if table.note else ""
    return f"## {_escaped(table.title)}\n\n{body}{note}"


def _escaped(text: str) -> str:
    """Text inside Markdown, with whatever would start a table, a link or HTML escaped."""
    for mark in ("\\", "`", "*", "|", "<", "["):
        text = text.replace(mark, "\\" + mark)
    return text
