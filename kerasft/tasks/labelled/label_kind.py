"""What the labels of rows are: one string, unless a task has another kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from kerasft.data.readers import read_texts
from kerasft.data.rows import Rows, quoted
from kerasft.data.splits import Split, split_by_hash
from kerasft.data.text_pairs import TEXT_PAIR
from kerasft.errors import DataError


@dataclass(frozen=True)
class LabelKind:
    """One label per row: a string.

    A task with other labels overrides what differs.

    Attributes:
        unmergeable: The labels, if they can be neither merged nor chosen ("numbers"); else "".
    """

    unmergeable: ClassVar[str] = ""

    def read(
        self,
        source: str | Path,
        text_column: str,
        label_column: str,
        blank: Literal["refuse", "drop"] = "refuse",
        text_pair_column: str | None = None,
    ) -> Rows:
        """Reads the rows of a source, with the fields "text" and "label"; see `read_texts`.

        With `text_pair_column` they have the field "text_pair" too.

        Raises:
            DataError: The source cannot be read or used.
        """
        return read_texts(
            source, text_column, label_column, text_pair_column=text_pair_column, blank_texts=blank
        )

    def groups(self, label: Any) -> Iterable[str]:
        """What a label counts as in tables: its class, or its classes."""
        return [label]

    def shown(self, label: Any) -> str:
        """A label in a cell or a line."""
        return label

    def cell(self, label: Any) -> str:
        """A label in a file that a run leaves, which `read_kept` reads."""
        return label

    def read_kept(self, file: Path, pairs: bool = False) -> Rows:
        """The rows of a file that a run left, with the fields "text" and "label".

        Args:
            file: The file.
            pairs: Whether they have the field "text_pair" too.

        Raises:
            DataError: It holds none.
        """
        return read_texts(file, text_pair_column=TEXT_PAIR if pairs else None)

    def check(self, labels: Sequence[Any]) -> None:
        """Checks that something can be learned from these labels.

        Raises:
            DataError: There is one class only, or a class has one row only.
        """
        counts = Counter(labels)
        if len(counts) < 2:
            only = f" ({next(iter(counts))!r})" if counts else ""
            raise DataError(
                f"the data has {len(counts)} class{only}; a classifier needs two or more"
            )
        single = sorted(name for name, count in counts.items() if count == 1)
        if single:
            raise DataError(
                f"{len(single)} of {len(counts)} classes have one row only: {quoted(single)}; add "
                "rows or drop these classes, since each needs a row to train on and one to test on"
            )

    def named_as(self, table: Rows, labels: Sequence[Any]) -> Rows:
        """The rows with each class under the name that it has among these labels."""
        return table.under_names_of(labels)

    def check_test(self, test: Rows, train: Rows) -> None:
        """Checks that what is tested can have been learned.

        Raises:
            DataError: The test rows have classes that the training rows lack.
        """
        unseen: Sequence[str] = sorted(self.classes(test["label"]) - self.classes(train["label"]))
        if unseen:
            raise DataError(
                f"{test.source} has labels that {train.source} lacks: {quoted(unseen)}; a "
                "classifier cannot predict what it never saw"
            )

    def classes(self, labels: Iterable[Any]) -> set[str]:
        """The classes that occur."""
        return {name for label in labels for name in self.groups(label)}

    def counts(self, labels: Iterable[Any]) -> Counter[str]:
        """How many rows each class has."""
        return Counter(name for label in labels for name in self.groups(label))

    def split(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        validation: float,
        test: float,
        seed: int,
        together: Sequence[str] | None = None,
    ) -> Split:
        """Splits rows; see `split_by_hash`."""
        return split_by_hash(
            texts, labels, together=together, validation=validation, test=test, seed=seed
        )

    def shares(self, labels: Sequence[Any]) -> Sequence[str]:
        """Of each row, what a sample keeps the share of."""
        return labels

    def pictures(self, before: Any, after: Sequence[Any]) -> list[tuple[str, Any]]:
        """What a report shows of the labels: names of files, and what draws each into a path.

        Args:
            before: Rows of each class as read.
            after: The labels of the rows that are left.
        """
        from kerasft.tasks.labelled.plots import plot_classes

        counts = self.counts(after)

        def draw(path: Path) -> None:
            plot_classes(before, counts, path)

        return [("classes.png", draw)]
