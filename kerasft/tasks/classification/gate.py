"""The rows on which an 8-bit classifier is compared with the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasft.data.readers import read_texts
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.folder import contents
from kerasft.runtimes.gate import GateRows
from kerasft.tasks.classification.report import PREDICTIONS, VALIDATION

if TYPE_CHECKING:
    from kerasft.text.labels import LabelMap


def gate_rows(
    folder: Path, labels: LabelMap, data: str | None, columns: Mapping[str, str]
) -> GateRows:
    """See `Task.gate_rows`.

    The rows that a run keeps are those of its validation; in folders of before they were kept, of
    its test.
    """
    if data is not None:
        table = read_texts(data, columns["text"], columns["label"]).under_names_of(labels.names)
        labels.encode(table["label"])  # refuses labels that training never saw
        return _rows(table["text"], table["label"], f"rows of {table.source}", labels)
    for name, source in (
        (VALIDATION, "validation rows of the run"),
        (PREDICTIONS, "test rows of the run, which kept no validation rows"),
    ):
        file = folder / contents.REPORT / name
        if file.exists():
            try:
                table = read_texts(file, "text", "label")
                labels.encode(table["label"])
            except DataError as error:
                raise FolderError(
                    f"{file} does not hold rows as a run leaves them: {error}"
                ) from error
            return _rows(table["text"], table["label"], source, labels)
    raise ConfigError(
        f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data FILE."
    )


def _rows(texts: Sequence[str], wanted: Sequence[str], source: str, labels: LabelMap) -> GateRows:
    from kerasft.evaluation import evaluate

    def score(wanted: Sequence[str], said: Sequence[str]) -> dict[str, float]:
        # The label alone counts here, so its probability may as well be 1.
        sure = np.eye(len(labels))[labels.encode(said)]
        found = evaluate(labels.encode(wanted), sure, labels.names)
        return {"accuracy": 100 * found["accuracy"], "macro-F1": 100 * found["macro_f1"]}

    return GateRows(texts, wanted, source, attrgetter("label"), score)
