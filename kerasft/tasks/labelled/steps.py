"""Steps that rows of texts take, each of which counts what it does; and the simplest of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from kerasft.data.rows import Rows
from kerasft.data.text_pairs import are_paired, noun, text_fields, texts_of
from kerasft.text.cleaning import Cleaning


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


def clean_texts(table: Rows, cleaning: Cleaning) -> tuple[Rows, DataStep]:
    """Cleans each text of a table; a text of which nothing is left stays as an empty one.

    Example:
        >>> table, step = clean_texts(table, Cleaning(html=True))
        >>> step.why
        '37 texts changed by html'
    """
    fields = text_fields(table)
    cleaned = {name: [cleaning.apply(text) for text in table[name]] for name in fields}
    changed = sum(
        new != old for name in fields for new, old in zip(cleaned[name], table[name], strict=True)
    )
    steps = [
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} ({value})"
        for name, value in cleaning.to_dict().items()
    ]
    why = f"{count(changed, 'text')} changed by {', '.join(steps)}" if steps else "no step chosen"
    step = DataStep("cleaning", len(table), len(table), why)
    return table.replaced(**cleaned), step


def drop_short(table: Rows, min_words: int) -> tuple[Rows, DataStep]:
    """Drops texts of fewer than `min_words` words, and in any case those without a word.

    A word is what stands between whitespace and has a letter or digit. The words of a pair are
    counted together, but each of its texts needs one.

    Example:
        >>> table, step = drop_short(table, 10)
        >>> step.why
        '42 texts have fewer than 10 words'
    """
    least = max(min_words, 1)
    paired = are_paired(table)
    kept = [
        row
        for row, text in enumerate(texts_of(table))
        if (
            _has_words(text, least)
            if isinstance(text, str)
            else _has_words(" ".join(text), least) and all(_has_words(each, 1) for each in text)
        )
    ]
    short = len(table) - len(kept)
    words = "no word" if least == 1 else f"fewer than {least} words"
    if paired:
        words += " in one of its texts" if least == 1 else ", or none in one of its texts"
    why = f"{count(short, noun(table))} {'has' if short == 1 else 'have'} {words}"
    return table.take(kept), DataStep("short texts", len(table), len(kept), why)


def _has_words(text: str, least: int) -> bool:
    words = 0
    for part in text.split():
        words += part.isalnum() or any(map(str.isalnum, part))
        if words == least:
            return True
    return False
