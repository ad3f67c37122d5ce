"""Rows of one text or of a pair of texts: what a model is given of a row, and when two are equal.

A pair is equal to another where both of its texts are. The two texts of a pair the other way round
are another pair, whose label may be another, but they tell as much: the two are never in different
parts of a split.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kerasft.data.rows import Rows
from kerasft.data.splits import normalize
from kerasft.text.pairs import Text

TEXT_PAIR = "text_pair"
# Between two texts; in `normalize` it stays, and no text of a file has it.
_BETWEEN = " \0 "


def are_paired(rows: Rows) -> bool:
    """Whether rows have a second text."""
    return TEXT_PAIR in rows.fields


def text_fields(rows: Rows) -> list[str]:
    """The fields of rows that a model is given."""
    return ["text", TEXT_PAIR] if are_paired(rows) else ["text"]


def texts_of(rows: Rows) -> Sequence[Text]:
    """What a model is given of each row: its text, or (text, text_pair).

    Example:
        >>> texts_of(Rows({"text": ["a"], "text_pair": ["b"]}, "m.csv", "5d41..."))
        [('a', 'b')]
    """
    if not are_paired(rows):
        return rows["text"]
    return list(zip(rows["text"], rows[TEXT_PAIR], strict=True))


def sides_of(text: Text) -> tuple[str, ...]:
    """A text alone, or both of a pair."""
    return (text,) if isinstance(text, str) else text


def single_texts(rows: Rows) -> list[str]:
    """All texts of rows by themselves: both of each pair."""
    return [each for text in texts_of(rows) for each in sides_of(text)]


def whole_texts(rows: Rows) -> list[str]:
    """One string a row; two are equal under `normalize` where the rows' texts are."""
    if not are_paired(rows):
        return rows["text"]
    return [_BETWEEN.join(pair) for pair in _stripped(rows)]


def unordered_texts(rows: Rows) -> list[str]:
    """The same, but equal also for a pair the other way round."""
    if not are_paired(rows):
        return rows["text"]
    return [_BETWEEN.join(sorted(pair, key=normalize)) for pair in _stripped(rows)]


def _stripped(rows: Rows) -> Iterator[tuple[str, str]]:
    pairs = zip(rows["text"], rows[TEXT_PAIR], strict=True)
    return ((text.strip(), pair.strip()) for text, pair in pairs)


def noun(rows: Rows) -> str:
    """What a row is, for messages: "text" or "pair"."""
    return "pair" if are_paired(rows) else "text"


def on_one_line(text: Text) -> str:
    """A text or a pair for people: "text | text_pair"."""
    return " | ".join(sides_of(text))
