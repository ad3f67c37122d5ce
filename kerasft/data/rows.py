"""Rows with named fields, as every reader returns them: `rows["text"]`, `rows["label"]`, ..."""

from __future__ import annotations

import dataclasses
import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from kerasft.data.class_names import (
    class_name,
    kind_of,
    names_of,
    one_name_each,
    shortened,
    shortest,
    tidy_label,
)
from kerasft.errors import DataError

# Where a row stands in its source, from 1, and the value of each wanted field; None where the
# source says that the row has none.
RawRow = tuple[Any, ...]


@dataclass(frozen=True)
class Field:
    """A field that each row is to have, and where its values stand.

    Attributes:
        name: What the field is called ("text").
        column: The column of a file, or the key of a JSON object, that holds it.
        kind: "text" for a string as it is; "class" for a class name, a number or a boolean, where
            spellings that look the same become one; "classes" for none, one or several of these,
            in a list or parted by `separator`; "number" for a finite number; "line" for any of
            these as one line of text.
        advice: How another column is chosen, for messages ("choose with --text_column").
        blank: For texts: "refuse" raises where one is blank; "drop" leaves such rows out and
            counts them.
        separator: What parts classes that stand in one string.
    """

    name: str
    column: str
    kind: Literal["text", "class", "classes", "number", "line"] = "text"
    advice: str = ""
    blank: Literal["refuse", "drop"] = "refuse"
    separator: str = "\n"


@dataclass(frozen=True)
class Rows:
    """Rows with named fields, kept field by field.

    Attributes:
        fields: Name -> the values, one per row and all as many.
        source: The file or hub data set.
        sha256: Hash of the file's bytes (hub: of the rows).
        dropped: What was left out, and how often ("blank lines").
        notes: What else is worth knowing, one sentence each.

    Example:
        >>> rows = Rows({"text": ["Hello.", "Bye."], "label": ["hi", "bye"]}, "m.csv", "5d41...")
        >>> rows["label"], len(rows.take([1]))
        (['hi', 'bye'], 1)
    """

    fields: dict[str, list[Any]]
    source: str
    sha256: str
    dropped: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.fields.values()), []))

    def __getitem__(self, name: str) -> list[Any]:
        """The values of a field, one per row."""
        return self.fields[name]

    def replaced(self, **fields: list[Any]) -> Self:
        """The rows with other values of some fields."""
        return dataclasses.replace(self, fields={**self.fields, **fields})

    def take(self, numbers: Iterable[int]) -> Self:
        """The rows with these numbers, in the given order."""
        chosen = list(numbers)
        fields = {name: [values[n] for n in chosen] for name, values in self.fields.items()}
        return dataclasses.replace(self, fields=fields)

    def spread(self, count: int | None) -> list[int]:
        """So many row numbers, evenly spaced (files are often sorted); None takes all."""
        if count is None or count >= len(self):
            return list(range(len(self)))
        return [row * len(self) // count for row in range(count)]

    def remarks(self) -> list[str]:
        """What was left out, and the notes, one sentence each."""
        return [f"{count} {what} left out" for what, count in self.dropped.items()] + self.notes

    def under_names_of(self, known: Sequence[str]) -> Self:
        """The rows with each label under the name that its class has among the known ones."""
        return self.replaced(label=names_of(self["label"], known))


def make_rows(
    raw: Sequence[RawRow],
    fields: Sequence[Field],
    *,
    source: str,
    sha256: str,
    unit: str = "line",
    dropped: dict[str, int] | None = None,
    notes: Sequence[str] = (),
) -> Rows:
    """Checks what a reader has found.

    Args:
        raw: (position, value of each field) each.
        source: The file or data set, for messages.
        sha256: Hash of the content.
        unit: What a position counts: "line" or "row".
        dropped: What the reader left out.
        notes: What the reader has to say.

    Raises:
        DataError: There are no rows, or values that are blank or not Unicode.
    """
    if not raw:
        raise DataError(f"{source} has no rows; it needs a header and a row per text")
    dropped, notes = dict(dropped or {}), list(notes)
    for number, wanted in enumerate(fields, start=1):
        kept = [row for row in raw if row[number] is not None]
        if wanted.blank == "drop":
            kept = [row for row in kept if row[number].strip()]
        if not kept:
            raise DataError(f"{source} has {len(raw)} rows, but none of them has a {wanted.name}")
        dropped[f"rows without a {wanted.name}"] = len(raw) - len(kept)
        raw = kept
    found: dict[str, list[Any]] = {}
    for number, wanted in enumerate(fields, start=1):
        values = [row[number] for row in raw]
        if wanted.kind == "classes":
            found[wanted.name], more = _several(values, wanted, source)
            notes += more
            continue
        if wanted.kind == "class":
            values, more = one_name_each(values, source)
            notes += more
        elif wanted.kind == "line":
            values = [" ".join(unicodedata.normalize("NFC", value).split()) for value in values]
        _check_values(values, raw, wanted.name, source, unit)
        is_number = wanted.kind == "number"
        found[wanted.name] = _numbers(values, raw, wanted, source, unit) if is_number else values
    dropped = {name: count for name, count in dropped.items() if count}
    return Rows(found, source, sha256, dropped, notes)


def _several(
    values: Sequence[str], wanted: Field, source: str
) -> tuple[list[tuple[str, ...]], list[str]]:
    """The classes of each row, sorted and each once, and notes on their spellings."""
    parts = [[part for part in value.split(wanted.separator) if part.strip()] for value in values]
    names, notes = one_name_each([part for row in parts for part in row], source)
    rest = iter(names)
    return [tuple(sorted({next(rest) for _ in row})) for row in parts], notes


def _numbers(
    values: Sequence[str], raw: Sequence[RawRow], wanted: Field, source: str, unit: str
) -> list[float]:
    found = [_number(value) for value in values]
    wrong = [(row[0], value) for row, value, x in zip(raw, values, found, strict=True) if x is None]
    if wrong:
        raise DataError(
            f"{source} has {shortened(wrong[0][1])!r} as {wanted.column!r} in "
            f"{numbered(unit, [wrong[0][0]])}, which is no finite number; {len(wrong)} of "
            f"{len(values)} rows have none"
        )
    return [number for number in found if number is not None]


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _check_values(
    values: Sequence[str], raw: Sequence[RawRow], name: str, source: str, unit: str
) -> None:
    blank = [row[0] for row, value in zip(raw, values, strict=True) if not value.strip()]
    if blank:
        raise DataError(
            f"{source} has an empty {name} in {numbered(unit, blank)}; fill in or delete "
            f"{'that ' + unit if len(blank) == 1 else 'those ' + unit + 's'}"
        )
    broken = [row[0] for row, value in zip(raw, values, strict=True) if not _is_unicode(value)]
    if broken:
        raise DataError(
            f"{source} has a lone surrogate (half a character) in the {name} of "
            f"{numbered(unit, broken)}; write the file again as UTF-8"
        )


def value_of(
    value: Any, wanted: Field, where: str, names: Sequence[str] | None = None, bits: int = 64
) -> str | None:
    """A value as JSON or a typed column holds it, as the text of its field; "" for none.

    A class that its writer marked as none (-1 among numbers that have names, as in SNLI) is None.

    Args:
        wanted: The field.
        where: The row, for messages.
        names: For classes: the names of the numbers from 0, if they have some.
        bits: For classes: the bits of a float.

    Raises:
        DataError: A text is no string, or a class neither a string nor a number.
    """
    if wanted.kind == "classes" and not isinstance(value, str):
        if not isinstance(value, (list, tuple, type(None))):
            raise DataError(
                f"{where} has {kind_of(value)} as {wanted.column!r}; several labels are a list"
            )
        items = (shortest(item, bits) for item in value or ())
        found = [tidy_label(class_name(item, names, wanted.column, where) or "") for item in items]
        return wanted.separator.join(found)
    if wanted.kind == "classes":
        return value
    if wanted.kind == "number" and isinstance(value, float):
        return repr(shortest(value, bits))  # also what is not finite, which `make_rows` refuses
    if wanted.kind != "text":
        return class_name(shortest(value, bits), names, wanted.column, where)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{where} has {kind_of(value)} as {wanted.column!r}; it must be a string")
    return value or ""


def check_columns(source: str, existing: Sequence[str], fields: Sequence[Field]) -> None:
    """Checks that the wanted columns exist, once each.

    Raises:
        DataError: One is missing or doubled, or two fields have the same; the message names the
            others.
    """
    owner: dict[str, Field] = {}
    for wanted in fields:
        column = wanted.column
        if column in owner:
            raise DataError(
                f"the {owner[column].name} and the {wanted.name} are both to come from column "
                f"{column!r}"
            )
        owner[column] = wanted
    for wanted in fields:
        column = wanted.column
        if column not in existing:
            advice = f" ({wanted.advice})" if wanted.advice else ""
            raise DataError(
                f"{source} has no column {column!r}; its columns are {quoted(existing)}{advice}"
            )
        if list(existing).count(column) > 1:
            raise DataError(f"{source} has {list(existing).count(column)} columns {column!r}")


def numbered(unit: str, numbers: Sequence[int], most: int = 5) -> str:
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
