"""Labelled rows, read and split: what a recipe trains, validates and tests on."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kerasft.data.rows import Rows
from kerasft.data.splits import hash_of_texts, hashes_of_files, normalize
from kerasft.data.text_pairs import (
    are_paired,
    noun,
    on_one_line,
    texts_of,
    unordered_texts,
    whole_texts,
)
from kerasft.errors import DataError
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.steps import DataStep
from kerasft.text.cleaning import Cleaning


@dataclass(frozen=True)
class Dataset:
    """Three parts, with the fields "text" and "label", that share no text.

    Of pairs of texts they have the field "text_pair" besides, and share no pair.

    Attributes:
        validation: Rows to watch while training.
        test: Rows that nothing but the final evaluation sees.
        test_sha256: Hash of the test texts; equal hashes mean the same test.
        notes: What was left out or is worth knowing, one sentence each.
        steps: What was done to the rows, in this order.
        cleaning: What was done to the texts, and is to be done again in predictions.
        before: Rows of each class as read, before any step; {} if there was none.
        rows_read: Rows as read, before any step; 0 if there was none.
        kind: What the field "label" holds.
    """

    train: Rows
    validation: Rows
    test: Rows
    test_sha256: str
    notes: list[str]
    steps: list[DataStep] = field(default_factory=list)
    cleaning: Cleaning = field(default_factory=Cleaning)
    before: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0
    kind: LabelKind = field(default_factory=LabelKind)

    @property
    def parts(self) -> dict[str, Rows]:
        """The parts by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def has_pairs(self) -> bool:
        """Whether a row has two texts."""
        return are_paired(self.train)

    @property
    def hashes(self) -> dict[str, str]:
        """The hashes of the files, by the options that name them; see `hashes_of_files`."""
        return hashes_of_files(self.train.sha256, self.validation.sha256, self.test.sha256)

    def describe(self) -> list[str]:
        """Where the rows come from and what each step made of them, one sentence each."""
        sources = " and ".join(dict.fromkeys((self.train.source, self.test.source)))
        if not self.steps:
            return [f"{len(self)} rows from {sources}", *self.notes]
        sizes = ", ".join(f"{len(table)} {part}" for part, table in self.parts.items())
        after = self.kind.counts(self.train["label"])
        return [
            f"{self.rows_read} rows{_of(self.before)} from {sources}",
            *self.notes,
            *(step.describe() for step in self.steps),
            f"{len(self)} rows{_of(after)} are left: {sizes}",
        ]

    def rows_per_class(self) -> dict[str, dict[str, int]]:
        """Rows in each part, for each class in the order of their names and for all together."""
        counts = {part: self.kind.counts(table["label"]) for part, table in self.parts.items()}
        names = sorted(set().union(*counts.values()))
        classes = {name: {part: counts[part][name] for part in counts} for name in names}
        rows = {part: len(rows) for part, rows in self.parts.items()}
        return {**classes, "all classes" if names else "all rows": rows}

    def samples(self, count: int = 3, width: int = 100) -> list[str]:
        """The first training rows as "label: text", shortened to `width` characters."""
        labels = map(self.kind.shown, self.train["label"][:count])
        rows = zip(labels, texts_of(self.train)[:count], strict=True)
        return [f"{label}: {textwrap.shorten(on_one_line(text), width)}" for label, text in rows]

    def __len__(self) -> int:
        return sum(len(table) for table in self.parts.values())


def split_rows(
    table: Rows,
    test_table: Rows | None,
    validation: float,
    test: float,
    seed: int,
    notes: Sequence[str] = (),
    kind: LabelKind | None = None,
) -> Dataset:
    """Splits rows in three, or in two where the test rows are given.

    Args:
        table: The rows, none of which has a text of `test_table`.
        test_table: The test rows; None takes a share of `table`.
        validation: Share of each class's texts to validate on.
        test: Likewise to test on; not used where there is a `test_table`.
        seed: Chooses among the splits.
        notes: What is already worth knowing.
        kind: What the field "label" holds; by default one label per row.

    Raises:
        DataError: There is one class only or a class of one row, nothing is left to validate or
            test on, or `test_table` has a label that `table` lacks.
        ConfigError: The shares leave nothing to train on.
    """
    notes = list(notes)
    kind = kind or LabelKind()
    kind.check(table["label"])
    if test_table is not None:
        test = 0.0
    texts, together = whole_texts(table), unordered_texts(table) if are_paired(table) else None
    split = kind.split(texts, table["label"], validation, test, seed, together)
    what = noun(table)
    if split.duplicates:
        notes.append(f"{split.duplicates} rows repeat an earlier {what} (kept, in the same part)")
    if together and (turned := _distinct(texts) - _distinct(together)):
        notes.append(f"{turned} pairs also occur the other way round (kept, in the same part)")
    if split.conflicts:
        notes.append(f"{split.conflicts} {what}s occur with more than one label (kept)")
    test_sha256 = split.test_sha256
    if test_table is None:
        test_table = table.take(split.test.tolist())
    else:
        test_table = kind.named_as(test_table, table["label"])
        kind.check_test(test_table, table)
        test_sha256 = hash_of_texts(unordered_texts(test_table))
    if not len(split.validation):
        raise DataError("no row is left to validate on; raise --validation")
    if not len(test_table):
        raise DataError("no row is left to test on; raise --test or give --test_data")
    return Dataset(
        train=table.take(split.train.tolist()),
        validation=table.take(split.validation.tolist()),
        test=test_table,
        test_sha256=test_sha256,
        notes=notes,
        kind=kind,
    )


def _distinct(texts: Sequence[str]) -> int:
    """How many of the texts differ under `normalize`."""
    return len(set(map(normalize, texts)))


def _of(counts: Mapping[str, int]) -> str:
    return f" of {len(counts)} classes" if counts else ""
