"""Whether an 8-bit model is as good as the one that it was made of, on rows of the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.errors import BundleError, ConfigError
from kerasft.folder import contents

if TYPE_CHECKING:
    from kerasft.text.labels import LabelMap

MOST_LOST = 0.005
"""How much accuracy and macro-F1 may fall: half a point."""


@dataclass(frozen=True)
class GateRows:
    """The rows that two models are compared on.

    Attributes:
        texts: The texts.
        labels: (texts,) int32, their true classes.
        source: What they are, for people: "validation rows of the run".
    """

    texts: list[str]
    labels: np.ndarray
    source: str


@dataclass(frozen=True)
class Gate:
    """Two models on the same rows.

    Attributes:
        rows: How many there are.
        source: See `GateRows`.
        accuracy: Of the 8-bit model, 0 to 1.
        accuracy_float32: Of the one that it was made of.
        macro_f1: Of the 8-bit model.
        macro_f1_float32: Of the one that it was made of.
        agreement: Share of the rows that both give the same label.
    """

    rows: int
    source: str
    accuracy: float
    accuracy_float32: float
    macro_f1: float
    macro_f1_float32: float
    agreement: float

    @property
    def passed(self) -> bool:
        """Whether neither score fell by more than half a point."""
        # A little more, so that a loss of exactly half a point is none of rounding.
        most = MOST_LOST + 1e-9
        return (
            self.accuracy_float32 - self.accuracy <= most
            and self.macro_f1_float32 - self.macro_f1 <= most
        )

    def __str__(self) -> str:
        return (
            f"accuracy {self.accuracy:.4f} (float32 {self.accuracy_float32:.4f}), macro-F1 "
            f"{self.macro_f1:.4f} (float32 {self.macro_f1_float32:.4f}), the same label for "
            f"{self.agreement:.1%} of {self.rows} {self.source}"
        )


def compare(quantized: np.ndarray, exact: np.ndarray, rows: GateRows, names: Sequence[str]) -> Gate:
    """Scores two models on the same rows.

    Args:
        quantized: (rows, labels), the logits of the 8-bit model.
        exact: (rows, labels), those of the one that it was made of.
        rows: The rows.
        names: The labels' names, in id order.
    """
    found, wanted = (_scores(logits, rows.labels, names) for logits in (quantized, exact))
    return Gate(
        rows=len(rows.labels),
        source=rows.source,
        accuracy=found["accuracy"],
        accuracy_float32=wanted["accuracy"],
        macro_f1=found["macro_f1"],
        macro_f1_float32=wanted["macro_f1"],
        agreement=float((quantized.argmax(axis=1) == exact.argmax(axis=1)).mean()),
    )


def gate_rows(
    folder: Path,
    label_map: LabelMap,
    data: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> GateRows:
    """The rows that a folder's models are compared on.

    They are those of `data`; else the validation rows that the run kept; else, in folders of before
    they were kept, the test rows.

    Args:
        folder: The saved folder, its hashes checked.
        label_map: Its labels.
        data: FILE.csv, .tsv, .jsonl, .parquet, .zip or hub:NAME, or None.
        text_column: Column of the texts in `data`.
        label_column: Column of the labels in `data`.

    Raises:
        DataError: `data` cannot be used, or has labels that training never saw.
        ConfigError: There is no `data`, and the folder keeps no rows.
        BundleError: The rows that the folder keeps are none.
    """
    from kerasft.data.readers import read_table
    from kerasft.errors import DataError
    from kerasft.tasks.classification.report import PREDICTIONS, VALIDATION

    if data is not None:
        table = read_table(data, text_column, label_column).under_names_of(label_map.names)
        return GateRows(table.texts, label_map.encode(table.labels), f"rows of {table.source}")
    for name, source in (
        (VALIDATION, "validation rows of the run"),
        (PREDICTIONS, "test rows of the run, which kept no validation rows"),
    ):
        file = folder / contents.REPORT / name
        if file.exists():
            try:
                table = read_table(file, "text", "label")
                return GateRows(table.texts, label_map.encode(table.labels), source)
            except DataError as error:
                raise BundleError(
                    f"{file} does not hold rows as a run leaves them: {error}"
                ) from error
    raise ConfigError(
        f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data FILE"
    )


def _scores(logits: np.ndarray, labels: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    from kerasft.evaluation import evaluate

    # The label alone counts here, so its probability may as well be 1.
    return evaluate(labels, np.eye(len(names))[logits.argmax(axis=1)], names)
