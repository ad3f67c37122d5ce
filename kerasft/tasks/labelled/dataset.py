"""Labelled rows, read and split: what a recipe trains, validates and tests on."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from kerasft.data.rows import Rows, quoted
from kerasft.data.splits import hash_of_texts, hashes_of_files, split_by_hash
from kerasft.errors import DataError
from kerasft.tasks.labelled.steps import DataStep
from kerasft.text.cleaning import Cleaning


@dataclass(frozen=True)
class Dataset:
    """Three parts, with the fields "text" and "label", that share no text.

    Attributes:
        validation: Rows to watch while training.
        test: Rows that nothing but the final evaluation sees.
        test_sha256: Hash of the test texts; equal hashes mean the same test.
        notes: What was left out or is worth knowing, one sentence each.
        steps: What was done to the rows, in this order.
        cleaning: What was done to the texts, and is to be done again in predictions.
        before: Rows of each class as read, before any step; {} if there was none.
    """

    train: Rows
    validation: Rows
    test: Rows
    test_sha256: str
    notes: list[str]
    steps: list[DataStep] = field(default_factory=list)
    cleaning: Cleaning = field(default_factory=Cleaning)
    before: dict[str, int] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Rows]:
        """The parts by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

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
        return [
            f"{sum(self.before.values())} rows of {len(self.before)} classes from {sources}",
            *self.notes,
            *(step.describe() for step in self.steps),
            f"{len(self)} rows of {len(set(self.train['label']))} classes are left: {sizes}",
        ]

    def rows_per_class(self) -> dict[str, dict[str, int]]:
        """Rows in each part, for each class in the order of their names and for all together."""
        counts = {part: Counter(table["label"]) for part, table in self.parts.items()}
        names = sorted(set().union(*counts.values()))
        classes = {name: {part: counts[part][name] for part in counts} for name in names}
        return {**classes, "all classes": {part: len(rows) for part, rows in self.parts.items()}}

    def samples(self, count: int = 3, width: int = 100) -> list[str]:
        """The first training rows as "label: text", shortened to `width` characters."""
        rows = zip(self.train["label"][:count], self.train["text"][:count], strict=True)
        return [f"{label}: {textwrap.shorten(text, width)}" for label, text in rows]

    def __len__(self) -> int:
        return sum(len(table) for table in self.parts.values())


def split_rows(
    table: Rows,
    test_table: Rows | None,
    validation: float,
    test: float,
    seed: int,
    notes: Sequence[str] = (),
) -> Dataset:
    """Splits rows in three, or in two where the test rows are given.

    Args:
        table: The rows, none of which has a text of `test_table`.
        test_table: The test rows; None takes a share of `table`.
        validation: Share of each class's texts to validate on.
        test: Likewise to test on; not used where there is a `test_table`.
        seed: Chooses among the splits.
        notes: What is already worth knowing.

    Raises:
        DataError: There is one class only or a class of one row, nothing is left to validate or
            test on, or `test_table` has a label that `table` lacks.
        ConfigError: The shares leave nothing to train on.
    """
    notes = list(notes)
    check_classes(table["label"])
    if test_table is not None:
        test = 0.0
    split = split_by_hash(
        table["text"], table["label"], validation=validation, test=test, seed=seed
    )
    if split.duplicates:
        notes.append(f"{split.duplicates} rows repeat an earlier text (kept, in the same part)")
    if split.conflicts:
        notes.append(f"{split.conflicts} texts occur with more than one label (kept)")
    test_sha256 = split.test_sha256
    if test_table is None:
        test_table = table.take(split.test.tolist())
    else:
        test_table = test_table.under_names_of(table["label"])
        _check_labels(test_table, table)
        test_sha256 = hash_of_texts(test_table["text"])
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
    )


def _check_labels(test: Rows, train: Rows) -> None:
    unseen: Sequence[str] = sorted(set(test["label"]) - set(train["label"]))
    if unseen:
        raise DataError(
            f"{test.source} has labels that {train.source} lacks: {quoted(unseen)}; a classifier "
            "cannot predict what it never saw"
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
