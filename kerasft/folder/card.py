"""What a run states about itself: printed when it is known, kept for the model card.

A recipe collects `Facts` from its first line on; at the end they become the folder's README.md.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeGuard

MOST_ROWS = 100  # of a table that are shown; metrics.json has all
Value = object  # a sentence, a list of sentences, a mapping, or a mapping of mappings (a table)


class Facts:
    """The facts of one run, in the order in which they were stated.

    Args:
        command: The command line of the run; by default that of this process.

    Attributes:
        sections: Heading -> what was stated under it.
        failures: Sentences on what failed without ending the run (`errors.attempt`).

    Example:
        >>> facts = Facts("kerasft run distilbert_lora")
        >>> facts.state("Data", {"rows": 600, "labels": 4})
        data: rows 600, labels 4
        >>> facts.record("Metrics", {"this model": {"accuracy": 0.91, "macro F1": 0.905}})
        >>> print(facts.card("my_run"))
    """

    def __init__(self, command: str | None = None) -> None:
        self.command = command or _command(sys.orig_argv)
        self.sections: dict[str, Value] = {}
        self.failures: list[str] = []

    def state(self, heading: str, value: Value) -> None:
        """Prints a fact (a list and a table: a line an entry), and keeps it for the card.

        Args:
            heading: Title of its section of the card; a repeated one replaces the section.
            value: A sentence, a list of sentences, a mapping from names to values, or a mapping
                of such mappings, which makes a table with a row for each, 100 at most.
        """
        self.record(heading, value)
        title = heading.lower()
        if _is_table(value):
            for name, row in list(value.items())[:MOST_ROWS]:
                print(f"{title}: {name}: {_line(row)}")
            if len(value) > MOST_ROWS:
                print(f"{title}: ... {len(value) - MOST_ROWS:,} more")
        elif _is_list(value):
            for entry in value:
                print(f"{title}: {_plain(entry)}")
        else:
            print(f"{title}: {_line(value)}")

    def record(self, heading: str, value: Value) -> None:
        """Keeps a fact for the card without printing it; see `state`."""
        self.sections[heading] = value

    def card(self, title: str) -> str:
        """The model card: plain Markdown, one section a fact, the command at the end."""
        parts = [f"# {_text(title)}"]
        for heading, value in self.sections.items():
            parts.append(section(heading, value))
        if self.failures:
            parts.append(section("Not made", self.failures))
        parts += ["## Command", "    " + self.command.replace("\n", "\n    ")]
        return "\n\n".join(parts) + "\n"


def _command(words: Sequence[str]) -> str:
    """The words that started this process, without the folders in which its programs lie."""
    if len(words) > 1 and Path(words[1]).name == "kerasft":
        return shlex.join(["kerasft", *words[2:]])
    return shlex.join(["python", *words[1:]])


def section(heading: str, value: Value) -> str:
    """One section of a model card, without the blank lines around it; see `Facts.state`."""
    return f"## {_text(heading)}\n\n{_block(value)}"


def _is_table(value: Value) -> TypeGuard[Mapping[Any, Mapping]]:
    return (
        isinstance(value, Mapping)
        and len(value) > 0
        and all(isinstance(row, Mapping) for row in value.values())
    )


def _is_list(value: Value) -> TypeGuard[Sequence]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _line(value: Value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(entry)}" for name, entry in value.items())
    if _is_list(value):
        return "; ".join(map(_plain, value))
    return _plain(value)


def _plain(value: Value) -> str:
    """One value for a person: numbers short, mappings and lists in brackets."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e-3 or abs(value) >= 1e4 else f"{value:.4f}"
    if isinstance(value, Mapping) or _is_list(value):
        return f"({_line(value)})"
    return " ".join(str(value).split())


def _text(value: Value) -> str:
    """One value inside Markdown, with whatever would start a table, a link or HTML escaped."""
    text = _plain(value)
    for mark in ("\\", "`", "*", "|", "<", "["):
        text = text.replace(mark, "\\" + mark)
    return text


def _block(value: Value) -> str:
    if _is_table(value):
        return _table(value)
    if isinstance(value, Mapping):
        return "\n".join(f"- {_text(name)}: {_text(entry)}" for name, entry in value.items())
    if _is_list(value):
        return "\n".join(f"- {_text(entry)}" for entry in value)
    return _text(value)


def _table(rows: Mapping[Any, Mapping]) -> str:
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = [["", *columns], ["---"] * (len(columns) + 1)]
    shown = list(rows.items())[:MOST_ROWS]
    lines += [[name, *(row.get(column, "") for column in columns)] for name, row in shown]
    if len(rows) > MOST_ROWS:
        lines.append([f"... {len(rows) - MOST_ROWS:,} more", *([""] * len(columns))])
    return "\n".join("| " + " | ".join(map(_text, line)) + " |" for line in lines)
