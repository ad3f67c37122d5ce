"""What each step of the data's way does to the rows, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class DataStep:
    """One step, done.

    Attributes:
        name: What it is called.
        rows_in: Rows before it.
        rows_out: Rows after it.
        why: What it did to how many rows, and for what reason.
    """

    name: str
    rows_in: int
    rows_out: int
    why: str

    def describe(self) -> str:
        """One line for the run's output and the model card.

        Example:
            >>> DataStep("short texts", 5388, 5346, "42 texts have fewer than 10 words").describe()
            'short texts: 5388 -> 5346 rows (42 texts have fewer than 10 words)'
        """
        return f"{self.name}: {self.rows_in} -> {self.rows_out} rows ({self.why})"


def count(number: int, noun: str) -> str:
    """A number with its noun: "no texts", "1 text", "2 texts"."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def counted(names: Iterable[str], most: int = 20) -> str:
    """How often each name occurs, the most frequent first: "'Mortgage' 3, 'Student loan' 1"."""
    counts = sorted(Counter(names).items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{name!r} {number}" for name, number in counts[:most])
    return shown + (f" and {len(counts) - most} more" if len(counts) > most else "")
