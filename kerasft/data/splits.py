"""Train, validation and test parts, frozen by a hash of the text."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.errors import ConfigError, DataError


@dataclass(frozen=True)
class Split:
    """Which rows are in which part.

    Attributes:
        train: Row indices, int64, in the order of the texts' hashes (not of the file).
        test_sha256: Hash of the test part's texts; equal hashes mean the same test.
        duplicates: Rows whose text (normalized) stands in an earlier row already.
        conflicts: Distinct texts that carry more than one label.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray
    test_sha256: str
    duplicates: int
    conflicts: int


def normalize(text: str) -> str:
    """The form in which two texts count as the same: case-folded, NFC, whitespace collapsed.

    Source: The Unicode Standard, section 3.13, D145 (canonical caseless matching).
    """
    folded = unicodedata.normalize("NFD", text).casefold()
    return " ".join(unicodedata.normalize("NFC", folded).split())


def hash_of_texts(texts: Iterable[str]) -> str:
    """SHA-256 of a set of texts, whatever their order and however often each occurs."""
    joined = "\n".join(sorted({normalize(text) for text in texts}))
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


def hashes_of_files(train: str, validation: str, test: str) -> dict[str, str]:
    """What decides the rows of a run, by the options that name it, for a run that goes on.

    A test file is as good as the training file here: its texts are left out of the training.

    Args:
        train: Hash of the file of the training rows.
        validation: That of the validation rows, the same where they are a share of the former.
        test: That of the test rows, likewise.

    Example:
        >>> hashes_of_files("5d41...", "5d41...", "7d79...")
        {'data': '5d41...', 'test_data': '7d79...'}
    """
    own = {"validation_data": validation, "test_data": test}
    return {"data": train} | {name: sha256 for name, sha256 in own.items() if sha256 != train}


def place_of(text: str, seed: int) -> float:
    """The place of a text between 0 and 1, by its hash: a split that other rows cannot change.

    Args:
        text: The text, as `normalize` gives it where texts are to count as the same.
        seed: Another seed gives another place.

    Example:
        >>> validation = [text for text in texts if place_of(normalize(text), seed=0) < 0.1]
    """
    digest = hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_by_hash(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    together: Sequence[str] | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
) -> Split:
    """Splits rows into three parts that depend on the texts alone.

    Within each class the distinct texts (see `normalize`) are ordered by sha256(seed + text); the
    first go to the test part, the next to validation, the rest to training. So the order of the
    rows does not matter, equal texts always share one part, and rows of other classes move nothing.
    A text with several labels counts for the first of them by name.

    A class of three distinct texts or more has at least one in each part (whose share is not 0),
    one of two has one in training and one in test.

    Args:
        texts: (rows,) texts.
        labels: (rows,) class names.
        together: (rows,) strings; rows with equal ones (see `normalize`) share a part, and count
            for the class of one of them, drawn by its text. The texts by default.
        validation: Share of each class's distinct texts for validation, 0 to 1.
        test: Likewise for the test.
        seed: Another seed gives another split.

    Raises:
        ConfigError: The shares are negative or leave nothing to train on.
        DataError: A class has a single distinct text, or none that other classes lack.
    """
    check_shares(validation, test)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, text in enumerate(texts if together is None else together):
        groups[normalize(text)].append(row)
    whole = list(map(normalize, texts))
    classes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for text, rows in groups.items():
        draws = ["" if together is None else digest(seed, whole[row]) for row in rows]
        owner = min((draw, labels[row]) for draw, row in zip(draws, rows, strict=True))[1]
        classes[owner].append((digest(seed, text), text))
    without = sorted(set(labels) - set(classes))
    if without:
        raise DataError(
            f"class {without[0]!r} has no text of its own, each occurs with another label too; "
            "correct the labels or drop the class"
        )
    parts: dict[str, list[tuple[str, str]]] = {"train": [], "validation": [], "test": []}
    for name, members in classes.items():
        members.sort()
        for_test, for_validation = _sizes(len(members), validation, test, name)
        parts["test"] += members[:for_test]
        parts["validation"] += members[for_test : for_test + for_validation]
        parts["train"] += members[for_test + for_validation :]

    def rows_of(part: str) -> np.ndarray:
        rows = [
            row
            for _, text in sorted(parts[part])
            for row in sorted(groups[text], key=lambda row: (labels[row], texts[row]))
        ]
        return np.array(rows, dtype=np.int64)

    return Split(
        train=rows_of("train"),
        validation=rows_of("validation"),
        test=rows_of("test"),
        test_sha256=hash_of_texts([text for _, text in parts["test"]]),
        duplicates=len(texts) - len(set(whole)),
        conflicts=conflicts(whole, labels),
    )


def conflicts(texts: Sequence[str], labels: Sequence[Hashable]) -> int:
    """How many of the texts, as they are, carry more than one label."""
    found: dict[str, set[Hashable]] = defaultdict(set)
    for text, label in zip(texts, labels, strict=True):
        found[text].add(label)
    return sum(len(each) > 1 for each in found.values())


def check_shares(validation: float, test: float) -> None:
    """Checks the shares of a split.

    Raises:
        ConfigError: They are negative or leave nothing to train on.
    """
    if not (validation >= 0 and test >= 0 and validation + test < 1):  # also if one is NaN
        raise ConfigError(
            f"the shares of validation ({validation}) and test ({test}) must be 0 or more and "
            "leave something to train on"
        )


def digest(seed: int, text: str) -> str:
    """The hash by which texts are put in order."""
    return hashlib.sha256(f"{seed}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()


def _sizes(distinct: int, validation: float, test: float, name: str) -> tuple[int, int]:
    """How many of a class's distinct texts go to (test, validation)."""
    wanted = (test > 0) + (validation > 0)
    if distinct == 1 and wanted:
        raise DataError(
            f"class {name!r} has a single distinct text, so it cannot be trained and tested; add "
            "rows or drop the class"
        )
    for_test = max(1, round(test * distinct)) if test else 0
    for_validation = max(1, round(validation * distinct)) if validation else 0
    if distinct == 2 and wanted == 2:
        for_validation = 0
    while for_test + for_validation >= distinct:  # shares close to 1 of few texts
        if for_test >= for_validation:
            for_test -= 1
        else:
            for_validation -= 1
    return for_test, for_validation
