"""Labelled rows, read and split: what a recipe trains, validates and tests on."""

from __future__ import annotations

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerasft.data.readers import read_table
from kerasft.data.splits import hash_of_texts, normalize, split_by_hash
from kerasft.data.table import Table, check_classes, quoted
from kerasft.errors import DataError


@dataclass(frozen=True)
class Dataset:
    """Three tables that share no text.

    Attributes:
        train: Rows to train on.
        validation: Rows to watch while training.
        test: Rows that nothing but the final evaluation sees.
        test_sha256: Hash of the test texts; equal hashes mean the same test.
        notes: What was left out or is worth knowing, one sentence each.
    """

    train: Table
    validation: Table
    test: Table
    test_sha256: str
    notes: list[str]

    @property
    def parts(self) -> dict[str, Table]:
        """The tables by name, in the order train, validation, test."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def describe(self) -> list[str]:
        """Where the rows come from and what was left out, one sentence each."""
        sources = dict.fromkeys((self.train.source, self.test.source))
        return [f"{len(self)} rows from {' and '.join(sources)}", *self.notes]

    def rows_per_class(self) -> dict[str, dict[str, int]]:
        """Rows in each part, for each class in the order of their names and for all together."""
        counts = {part: Counter(table.labels) for part, table in self.parts.items()}
        names = sorted(set().union(*counts.values()))
        classes = {name: {part: counts[part][name] for part in counts} for name in names}
        return {**classes, "all classes": {part: len(rows) for part, rows in self.parts.items()}}

    def samples(self, count: int = 3, width: int = 100) -> list[str]:
        """The first training rows as "label: text", shortened to `width` characters."""
        rows = zip(self.train.labels[:count], self.train.texts[:count], strict=True)
        return [f"{label}: {textwrap.shorten(text, width)}" for label, text in rows]

    def __len__(self) -> int:
        return sum(len(table) for table in self.parts.values())


def load_dataset(
    source: str | Path,
    text_column: str = "text",
    label_column: str = "label",
    *,
    test_source: str | Path | None = None,
    validation: float = 0.15,
    test: float = 0.15,
    seed: int = 0,
) -> Dataset:
    """Reads labelled texts and splits them by a hash of the text (see `split_by_hash`).

    Args:
        source: FILE.csv, FILE.tsv, FILE.jsonl or hub:NAME.
        text_column: Column of the texts.
        label_column: Column of the labels.
        test_source: The test rows, if they have a file of their own; then `test` is not used, and
            rows of `source` whose text stands in it are left out and counted.
        validation: Share of each class's texts to validate on.
        test: Share of each class's texts to test on.
        seed: Chooses among the splits.

    Raises:
        DataError: A file cannot be used, has one class only or a class of one row, or its own test
            file has a label that training never sees.
        ConfigError: The shares leave nothing to train on.

    Example:
        >>> dataset = load_dataset("mails.csv", "body", "team")
        >>> dataset.describe()
    """
    table = read_table(source, text_column, label_column)
    notes = [f"{count} {what} left out" for what, count in table.dropped.items()]
    test_table = None
    if test_source is not None:
        test_table = read_table(test_source, text_column, label_column)
        table, leaked = _without(table, test_table)
        test = 0.0
        if leaked:
            notes.append(f"{leaked} training rows left out, since their text is a test text")
    check_classes(table.labels)
    split = split_by_hash(table.texts, table.labels, validation=validation, test=test, seed=seed)
    if split.duplicates:
        notes.append(f"{split.duplicates} rows repeat an earlier text (kept, in the same part)")
    if split.conflicts:
        notes.append(f"{split.conflicts} texts occur with more than one label (kept)")
    test_sha256 = split.test_sha256
    if test_table is None:
        test_table = _take(table, split.test)
    else:
        _check_labels(test_table, table)
        test_sha256 = hash_of_texts(test_table.texts)
    if not len(split.validation):
        raise DataError("no row is left to validate on; raise --validation")
    if not len(test_table):
        raise DataError("no row is left to test on; raise --test or give --test_data")
    return Dataset(
        train=_take(table, split.train),
        validation=_take(table, split.validation),
        test=test_table,
        test_sha256=test_sha256,
        notes=notes,
    )


def _take(table: Table, rows: np.ndarray) -> Table:
    return dataclasses.replace(
        table,
        texts=[table.texts[row] for row in rows],
        labels=[table.labels[row] for row in rows],
    )


def _without(table: Table, other: Table) -> tuple[Table, int]:
    """The rows whose text does not occur in the other table, and how many those left out are."""
    taken = {normalize(text) for text in other.texts}
    kept = [row for row, text in enumerate(table.texts) if normalize(text) not in taken]
    return _take(table, np.array(kept, dtype=np.int64)), len(table) - len(kept)


def _check_labels(test: Table, train: Table) -> None:
    unseen: Sequence[str] = sorted(set(test.labels) - set(train.labels))
    if unseen:
        raise DataError(
            f"{test.source} has labels that {train.source} lacks: {quoted(unseen)}; a classifier "
            "cannot predict what it never saw"
        )
