"""The table that every reader returns: texts and labels, checked."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kerasft.errors import DataError

BlankTexts = Literal["refuse", "drop"]


@dataclass(frozen=True)
class Table:
    """Texts and their labels, as read.

    Attributes:
        texts: The texts, none of them blank.
        labels: The class names, as `tidy_label` gives them; empty when no label was asked for.
        source: The file or hub data set.
        sha256: Hash of the file's bytes (hub: of the rows).
        dropped: What was left out, and how often ("blank lines").
    """

    texts: list[str]
    labels: list[str]
    source: str
    sha256: str
    dropped: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)


def make_table(
    rows: Sequence[tuple[int, str, str | None]],
    *,
    source: str,
    sha256: str,
    unit: str = "line",
    dropped: dict[str, int] | None = None,
    blank_texts: BlankTexts = "refuse",
) -> Table:
    """Checks rows and makes a table of them.

    Args:
        rows: (position, text, label or None when no label was asked for) each.
        source: The file or data set, for messages.
        sha256: Hash of the content.
        unit: What a position counts: "line" or "row".
        dropped: What the reader left out.
        blank_texts: "refuse" raises where a text is blank, "drop" leaves such rows out and counts
            them.

    Raises:
        DataError: There are no rows; or texts or labels that are blank or not Unicode.
    """
    if not rows:
        raise DataError(f"{source} has no rows; it needs one a text, below the header")
    dropped = dict(dropped or {})
    if blank_texts == "drop":
        filled = [row for row in rows if row[1].strip()]
        if not filled:
            raise DataError(f"{source} has {len(rows)} rows, but a text in none of them")
        dropped["rows without a text"] = len(rows) - len(filled)
        rows = filled
    columns = {
        "text": [(position, text) for position, text, _ in rows],
        "label": [(position, label) for position, _, label in rows if label is not None],
    }
    for name, values in columns.items():
        blank = [position for position, value in values if not value.strip()]
        if blank:
            raise DataError(
                f"{source} has an empty {name} in {positions(unit, blank)}; fill in or delete "
                f"{'that ' + unit if len(blank) == 1 else 'those ' + unit + 's'}"
            )
        broken = [position for position, value in values if not _is_unicode(value)]
        if broken:
            raise DataError(
                f"{source} has a lone surrogate (half a character) in the {name} of "
                f"{positions(unit, broken)}; write the file again as UTF-8"
            )
    return Table(
        texts=[text for _, text in columns["text"]],
        labels=[tidy_label(label) for _, label in columns["label"]],
        source=source,
        sha256=sha256,
        dropped={name: count for name, count in dropped.items() if count},
    )


def check_classes(labels: Sequence[str]) -> None:
    """Checks that a classifier can be trained on these labels.

    Raises:
        DataError: There is one class only, or a class has one row only.
    """
    counts = Counter(labels)
    if len(counts) < 2:
        only = f" ({next(iter(counts))!r})" if counts else ""
        raise DataError(f"the data has {len(counts)} class{only}; a classifier needs two or more")
    single = sorted(name for name, count in counts.items() if count == 1)
    if single:
        raise DataError(
            f"{len(single)} of {len(counts)} classes have one row only: {quoted(single)}; add rows "
            "or drop these classes, since each needs a row to train on and one to test on"
        )


def check_columns(
    source: str, existing: Sequence[str], text_column: str, label_column: str | None
) -> None:
    """Checks that the wanted columns exist, once each.

    Raises:
        DataError: One is missing, doubled, or both are the same; the message names the others.
    """
    if text_column == label_column:
        raise DataError(f"the text and the label are both to come from column {text_column!r}")
    for option, column in (("text_column", text_column), ("label_column", label_column)):
        if column is None:
            continue
        if column not in existing:
            raise DataError(
                f"{source} has no column {column!r}; its columns are {quoted(existing)} (choose "
                f"with --{option})"
            )
        if list(existing).count(column) > 1:
            raise DataError(f"{source} has {list(existing).count(column)} columns {column!r}")


def tidy_label(label: str) -> str:
    """A class name without what nobody sees: names that look the same are the same class.

    Each run of white space (line breaks and non-breaking spaces too) becomes one space, none stays
    at the ends, and accents are written in one way (NFC).

    Example:
        >>> tidy_label(" Credit\u00a0 card ")
        'Credit card'
    """
    return " ".join(unicodedata.normalize("NFC", label).split())


def as_label(value: Any, column: str, where: str) -> str:
    """Makes a class name of a value as JSON or a typed column holds it.

    Numbers and booleans become strings (3 -> "3", true -> "true"), nothing becomes "".

    Raises:
        DataError: The value is a list, an object or not a finite number.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return str(value)
    raise DataError(f"{where} has {kind_of(value)} as {column!r}; a label is a string or a number")


def kind_of(value: Any) -> str:
    """What messages call a value: "a list", "null", "the number 3"."""
    names = {list: "a list", dict: "an object", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"the number {value:.20g}" if isinstance(value, float) else "a whole number"
    return names.get(type(value), f"a {type(value).__name__}")


def positions(unit: str, numbers: Sequence[int], most: int = 5) -> str:
    """Names lines or rows: "line 3", "lines 3, 4 and 5", "lines 1, 2, 3, 4, 5 and 7 more"."""
    shown = [str(number) for number in numbers[:most]]
    if len(numbers) == 1:
        return f"{unit} {shown[0]}"
    if len(numbers) > most:
        return f"{unit}s {', '.join(shown)} and {len(numbers) - most} more"
    return f"{unit}s {', '.join(shown[:-1])} and {shown[-1]}"


def quoted(names: Sequence[str], most: int = 20) -> str:
    """Lists names in quotes, the first `most` of them."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
