"""Names of classes: what looks the same is the same."""

from __future__ import annotations

import decimal
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from kerasft.errors import DataError

# What Unicode calls default ignorable: shown as nothing. Two of them join letters where they stand
# between letters of other scripts or emoji, and are seen there.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e001f\U000e0080-\U000e0fff]"
)
_JOINERS = re.compile("(?<![^\x00-\x7f])[\u200c\u200d]+|[\u200c\u200d]+(?![^\x00-\x7f])")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
_MOST_NOTES = 5
_WHOLE = re.compile(r"([+-]?[0-9]+)\.0+")


def tidy_label(label: str) -> str:
    """A class name without invisible characters.

    Characters that are shown as nothing (zero-width spaces, byte order marks, soft hyphens, control
    characters) go, each run of whitespace (line breaks and non-breaking spaces too) becomes one
    space, none stays at the ends, a non-breaking hyphen is a hyphen, and accents are written in one
    way (NFC).

    Example:
        >>> tidy_label(" Credit\u00a0 card\u200b ")
        'Credit card'
    """
    if label.isascii() and label.isprintable():
        return " ".join(label.split())
    seen = _JOINERS.sub("", _CONTROL.sub("", _UNSEEN.sub("", label)))
    seen = seen.replace("\u2010", "-").replace("\u2011", "-")
    return " ".join(unicodedata.normalize("NFC", seen).split())


def class_key(label: str) -> str:
    """What two names of one class have in common.

    It is the tidied name; besides, 1.0 is 1 and True is true, since programs write them in both
    ways.
    """
    name = tidy_label(label)
    whole = _WHOLE.fullmatch(name)
    if whole:
        return whole[1]
    return name.lower() if name.lower() in ("true", "false") else name


def one_name_each(labels: Sequence[str], source: str) -> tuple[list[str], list[str]]:
    r"""Gives each class one name: its most frequent spelling.

    Args:
        labels: The names as read.
        source: Where they come from, for the notes.

    Returns:
        The names, and a sentence on each class that was written in several ways.

    Example:
        >>> one_name_each(["Spam", "Spam", "Spam\u200b"], "mails.csv")[1]
        ["the labels 'Spam' (2), 'Spam\u200b' (1) of mails.csv look the same and are one ..."]
    """
    spellings: dict[str, Counter[str]] = {}
    for label, count in Counter(labels).items():
        spellings.setdefault(class_key(label), Counter())[label] += count
    names: dict[str, str] = {}
    notes = []
    for key, found in spellings.items():
        tidied: Counter[str] = Counter()
        shown: Counter[str] = Counter()
        for label, count in found.items():
            tidied[tidy_label(label)] += count
            shown[label.strip(" \t\r\n")] += count  # who looks at a file sees through these
        names[key] = min(tidied, key=lambda name: (-tidied[name], len(name), name))
        if len(shown) > 1:
            several = [f"{shortened(label)!a} ({count})" for label, count in shown.most_common(5)]
            more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
            notes.append(
                f"the labels {', '.join(several)}{more} of {source} look the same and are one "
                f"class, {shortened(names[key])!r}"
            )
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"so it is with {len(notes) - _MOST_NOTES} more classes of {source}"]
    folded: dict[str, list[str]] = {}
    for name in names.values():
        folded.setdefault(name.casefold(), []).append(name)
    alike = [
        " and ".join(repr(shortened(name)) for name in found[:_MOST_NOTES])
        for found in folded.values()
        if len(found) > 1
    ]
    if alike:
        more = f" and {len(alike) - _MOST_NOTES} more" if len(alike) > _MOST_NOTES else ""
        notes.append(
            f"the classes {', '.join(alike[:_MOST_NOTES])}{more} of {source} differ in their "
            "capitals alone; write them alike if they are one"
        )
    keys = {label: class_key(label) for label in set(labels)}
    return [names[keys[label]] for label in labels], notes


def names_of(labels: Sequence[str], known: Iterable[str]) -> list[str]:
    """Labels under the names that their classes have elsewhere; others stay.

    Example:
        >>> names_of(["1.0", "2"], ["1", "3"])
        ['1', '2']
    """
    names = {class_key(name): name for name in known}
    return [names.get(class_key(label), label) for label in labels]


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
    if isinstance(value, decimal.Decimal) and value.is_finite():
        return f"{value:f}"
    raise DataError(f"{where} has {kind_of(value)} as {column!r}; a label is a string or a number")


def class_name(value: Any, names: Sequence[str] | None, column: str, where: str) -> str | None:
    """Makes a class name of a value whose numbers may have names; None of -1, which is no class.

    Args:
        value: The value.
        names: The names of the numbers from 0; None if they have none.
        column: Its name, for error messages.
        where: The row, for messages.

    Raises:
        DataError: There is no such number, or as for `as_label`.
    """
    whole = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1
    if names is None or not whole:
        return as_label(value, column, where)
    if value == -1:
        return None
    if not 0 <= value < len(names):
        raise DataError(f"{where} has {value:g} as {column!r}, which names {len(names)} classes")
    return names[int(value)]


def shortest(value: Any, bits: int) -> Any:
    """A float of 16 or 32 bits as the decimal number that people wrote: 0.1, not 0.10000000149.

    Args:
        value: A Python float that holds it, or anything else, which stays.
    """
    if not isinstance(value, float) or bits not in (16, 32):
        return value
    import numpy as np

    return float(str(np.float16(value) if bits == 16 else np.float32(value)))


def shortened(name: str, most: int = 60) -> str:
    """A name as messages show it: what a file calls a name may be a whole text."""
    return name if len(name) <= most else f"{name[: most - 3]}..."


def kind_of(value: Any) -> str:
    """What messages call a value: "a list", "null", "the number 3"."""
    names = {list: "a list", dict: "an object", str: "a string", bool: "a boolean"}
    if value is None:
        return "null"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"the number {value:.20g}" if isinstance(value, float) else "a whole number"
    return names.get(type(value), f"a {type(value).__name__}")
