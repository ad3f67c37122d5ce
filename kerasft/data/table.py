"""The table that every reader returns: texts and labels, checked."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from kerasft.data.class_names import names_of, one_name_each, shortened
from kerasft.errors import DataError

BlankTexts = Literal["refuse", "drop"]


@dataclass(frozen=True)
class Columns:
    """What is wanted of a source.

    Attributes:
        text: The column of the texts.
        label: The column of the labels; None for texts alone.
        blank_texts: "refuse" raises where a text is blank; "drop" leaves such rows out and counts
            them.
        labels: "classes" makes labels that look the same one class; "texts" are read as they are,
            on one line.
    """

    text: str = "text"
    label: str | None = "label"
    blank_texts: BlankTexts = "refuse"
    labels: Literal["classes", "texts"] = "classes"

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [name for name in (self.text, self.label) if name is not None]


@dataclass(frozen=True)
class Table:
    """Texts and their labels, as read.

    Attributes:
        texts: The texts, none of them blank.
        labels: The class names, as `one_name_each` gives them; empty when no label was asked for.
        source: The file or hub data set.
        sha256: Hash of the file's bytes (hub: of the rows).
        dropped: What was left out, and how often ("blank lines").
        notes: What else is worth knowing, one sentence each.
    """

    texts: list[str]
    labels: list[str]
    source: str
    sha256: str
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.texts)

    def remarks(self) -> list[str]:
        """What was left out, and the notes, one sentence each."""
        return [f"{count} {what} left out" for what, count in self.dropped.items()] + self.notes

    def under_names_of(self, known: Sequence[str]) -> Table:
        """The rows with each class under the name that it has among the known ones, if any."""
        return dataclasses.replace(self, labels=names_of(self.labels, known))


def make_table(
    rows: Sequence[tuple[int, str, str | None]],
    columns: Columns,
    *,
    source: str,
    sha256: str,
    unit: str = "line",
    dropped: dict[str, int] | None = None,
    notes: Sequence[str] = (),
) -> Table:
    """Checks rows and makes a table of them.

    Args:
        rows: (position, text, label or None when no label was asked for) each.
        columns: What was asked for.
        source: The file or data set, for messages.
        sha256: Hash of the content.
        unit: What a position counts: "line" or "row".
        dropped: What the reader left out.
        notes: What the reader has to say.

    Raises:
        DataError: There are no rows; or texts or labels that are blank or not Unicode.
    """
    if not rows:
        raise DataError(f"{source} has no rows; it needs one a text, below the header")
    dropped = dict(dropped or {})
    if columns.blank_texts == "drop":
        filled = [row for row in rows if row[1].strip()]
        if not filled:
            raise DataError(f"{source} has {len(rows)} rows, but a text in none of them")
        dropped["rows without a text"] = len(rows) - len(filled)
        rows = filled
    labels = [label for _, _, label in rows if label is not None]
    notes = list(notes)
    if columns.labels == "classes":
        labels, more = one_name_each(labels, source)
        notes += more
    else:
        labels = [" ".join(unicodedata.normalize("NFC", label).split()) for label in labels]
    places = [position for position, _, _ in rows]
    texts = [text for _, text, _ in rows]
    for name, values in (("text", texts), ("label", labels)):
        # There may be no labels.
        blank = [at for at, value in zip(places, values, strict=False) if not value.strip()]
        if blank:
            raise DataError(
                f"{source} has an empty {name} in {positions(unit, blank)}; fill in or delete "
                f"{'that ' + unit if len(blank) == 1 else 'those ' + unit + 's'}"
            )
        broken = [at for at, value in zip(places, values, strict=False) if not _is_unicode(value)]
        if broken:
            raise DataError(
                f"{source} has a lone surrogate (half a character) in the {name} of "
                f"{positions(unit, broken)}; write the file again as UTF-8"
            )
    return Table(
        texts=texts,
        labels=labels,
        source=source,
        sha256=sha256,
        dropped={name: count for name, count in dropped.items() if count},
        notes=notes,
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


def check_columns(source: str, existing: Sequence[str], columns: Columns) -> None:
    """Checks that the wanted columns exist, once each.

    Raises:
        DataError: One is missing, doubled, or both are the same; the message names the others.
    """
    if columns.text == columns.label:
        raise DataError(f"the text and the label are both to come from column {columns.text!r}")
    for option, column in (("text_column", columns.text), ("label_column", columns.label)):
        if column is None:
            continue
        if column not in existing:
            raise DataError(
                f"{source} has no column {column!r}; its columns are {quoted(existing)} (choose "
                f"with --{option})"
            )
        if list(existing).count(column) > 1:
            raise DataError(f"{source} has {list(existing).count(column)} columns {column!r}")


def positions(unit: str, numbers: Sequence[int], most: int = 5) -> str:
    """Names lines or rows: "line 3", "lines 3, 4 and 5", "lines 1, 2, 3, 4, 5 and 7 more"."""
    shown = [str(number) for number in numbers[:most]]
    if len(numbers) == 1:
        return f"{unit} {shown[0]}"
    if len(numbers) > most:
        return f"{unit}s {', '.join(shown)} and {len(numbers) - most} more"
    return f"{unit}s {', '.join(shown[:-1])} and {shown[-1]}"


def quoted(names: Sequence[str], most: int = 20) -> str:
    """Lists names in quotes, the first `most` of them; long ones are cut."""
    shown = ", ".join(repr(shortened(name)) for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
