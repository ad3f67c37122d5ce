"""Rows with several labels each, or none: a list, a string of them, or a column of 0 and 1 each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kerasft.data.class_names import class_key, names_of, shortened
from kerasft.data.readers import fields_of_texts, read_rows
from kerasft.data.rows import Field, Rows
from kerasft.data.splits import Split
from kerasft.data.stratified import stratified_by_hash
from kerasft.data.text_pairs import TEXT_PAIR, text_fields
from kerasft.errors import DataError
from kerasft.tasks.labelled.label_kind import LabelKind

Labels = tuple[str, ...]
_BITS = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True)
class SeveralLabels(LabelKind):
    """Several labels per row, or none: a tuple of strings, sorted.

    Args:
        separator: What parts the labels in one string; None where they stand in a list.
        columns: Columns of 0 and 1, one per label; () where one column holds all labels.

    Example:
        >>> SeveralLabels(";").read("tickets.csv", "text", "tags")["label"][0]
        ('access', 'billing')
    """

    separator: str | None = None
    columns: tuple[str, ...] = ()

    unmergeable = "several labels"

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
        if self.columns:
            advice = "choose with --label_columns"
            each = [Field(f"label {name}", name, "class", advice) for name in self.columns]
            return self._of_columns(read_rows(source, [*texts, *each]))
        advice = "choose with --label_column"
        labels = Field("label", label_column, "classes", advice, separator=self.separator or "\n")
        return read_rows(source, [*texts, labels])

    def _of_columns(self, table: Rows) -> Rows:
        found: list[list[str]] = [[] for _ in range(len(table))]
        for name in sorted(self.columns):
            for row, value in enumerate(table[f"label {name}"]):
                key = class_key(value)
                if key not in _BITS:
                    raise DataError(
                        f"{table.source} has {shortened(value)!r} in the column {name!r} of its "
                        f"text {row + 1}, which is neither 0 nor 1; --label_columns names columns "
                        "of 0 and 1, one per label"
                    )
                if _BITS[key]:
                    found[row].append(name)
        fields = {name: table[name] for name in text_fields(table)}
        fields["label"] = [tuple(labels) for labels in found]
        return replace(table, fields=fields)

    def groups(self, label: Labels) -> Iterable[str]:
        """See `LabelKind.groups`."""
        return label

    def shown(self, label: Labels) -> str:
        """See `LabelKind.shown`."""
        return ", ".join(label) or "(no label)"

    def cell(self, label: Labels) -> str:
        """See `LabelKind.cell`: a list in JSON."""
        return json.dumps(label, ensure_ascii=False)

    def read_kept(self, file: Path, pairs: bool = False) -> Rows:
        """See `LabelKind.read_kept`."""
        texts = fields_of_texts("text", TEXT_PAIR if pairs else None)
        table = read_rows(file, [*texts, Field("label", "label", "line")])
        return table.replaced(label=[labels_of(cell, str(file)) for cell in table["label"]])

    def check(self, labels: Sequence[Labels]) -> None:
        """Checks that something can be learned from these labels.

        Raises:
            DataError: No row has a label.
        """
        if not any(labels):
            raise DataError(
                f"none of the {len(labels)} rows has a label; a row may have none, but not all"
            )

    def named_as(self, table: Rows, labels: Sequence[Any]) -> Rows:
        """See `LabelKind.named_as`; the labels may be those of rows, or names."""
        known = {name for each in labels for name in ([each] if isinstance(each, str) else each)}
        return table.replaced(
            label=[tuple(sorted(names_of(label, known))) for label in table["label"]]
        )

    def split(
        self,
        texts: Sequence[str],
        labels: Sequence[Any],
        validation: float,
        test: float,
        seed: int,
        together: Sequence[str] | None = None,
    ) -> Split:
        """See `stratified_by_hash`."""
        return stratified_by_hash(
            texts, labels, together=together, validation=validation, test=test, seed=seed
        )

    def shares(self, labels: Sequence[Labels]) -> Sequence[str]:
        """A sample is taken by the hash alone: one share."""
        return ["all"] * len(labels)


def labels_of(cell: str, source: str) -> Labels:
    """The labels in a cell that `SeveralLabels.cell` wrote.

    Raises:
        DataError: There is something else in it.
    """
    try:
        found = json.loads(cell)
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise DataError(f"{source} has {shortened(cell)!r} instead of a list of labels")
    return tuple(found)
