"""Rows with one number each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from kerasft.data.readers import fields_of_texts, read_rows
from kerasft.data.rows import Field, Rows
from kerasft.data.splits import Split, conflicts, normalize, split_by_hash
from kerasft.data.text_pairs import TEXT_PAIR
from kerasft.errors import DataError
from kerasft.tasks.labelled.label_kind import LabelKind

ALL = "all rows"


@dataclass(frozen=True)
class Numbers(LabelKind):
    """A number per row: a float.

    Example:
        >>> Numbers().read("reviews.csv", "text", "stars")["label"][:2]
        [4.0, 2.5]
    """

    unmergeable = "numbers"

    def read(
        self,
        source: str | Path,
        text_column: str,
        label_column: str,
        blank: Literal["refuse", "drop"] = "refuse",
        text_pair_column: str | None = None,
    ) -> Rows:
        """See `LabelKind.read`."""
        texts = fields_of_texts(text_column, text_pair_column, blank)
        number = Field("label", label_column, "number", "choose with --label_column")
        return read_rows(source, [*texts, number])

    def groups(self, label: float) -> Iterable[str]:
        """Numbers are of no class."""
        return ()

    def shown(self, label: float) -> str:
        """See `LabelKind.shown`."""
        return f"{label:g}"

    def cell(self, label: float) -> str:
        """See `LabelKind.cell`: all digits."""
        return repr(label)

    def read_kept(self, file: Path, pairs: bool = False) -> Rows:
        """See `LabelKind.read_kept`."""
        return self.read(file, "text", "label", text_pair_column=TEXT_PAIR if pairs else None)

    def check(self, labels: Sequence[float]) -> None:
        """Checks that something can be learned from these numbers.

        Raises:
            DataError: All are the same.
        """
        if len(set(labels)) < 2:
            raise DataError(
                f"all {len(labels)} rows have the number {labels[0]:g}, so there is nothing to "
                "learn; give rows with different numbers"
            )

    def named_as(self, table: Rows, labels: Sequence[Any]) -> Rows:
        """Numbers have no names."""
        return table

    def split(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        validation: float,
        test: float,
        seed: int,
        together: Sequence[str] | None = None,
    ) -> Split:
        """By the hash of the text alone; see `split_by_hash`."""
        found = split_by_hash(
            texts,
            [ALL] * len(texts),
            together=together,
            validation=validation,
            test=test,
            seed=seed,
        )
        return replace(found, conflicts=conflicts(list(map(normalize, texts)), labels))

    def shares(self, labels: Sequence[float]) -> Sequence[str]:
        """A sample is taken by the hash alone: one share."""
        return [ALL] * len(labels)

    def pictures(self, before: Any, after: Sequence[float]) -> list[tuple[str, Any]]:
        """See `LabelKind.pictures`: how the numbers are spread."""
        from kerasft.tasks.regression.pictures import plot_numbers

        return [("numbers.png", partial(plot_numbers, after))]
