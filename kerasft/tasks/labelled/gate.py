"""The rows on which an 8-bit model of labelled texts is compared with the original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.data.text_pairs import TEXT_PAIR, texts_of
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.folder import contents
from kerasft.runtimes.gate import GateRows
from kerasft.tasks.labelled.report import PREDICTIONS, VALIDATION
from kerasft.text.pairs import Text

if TYPE_CHECKING:
    from kerasft.tasks.labelled.text_model import TextModel
    from kerasft.tasks.labelled.text_task import TextTask


def gate_rows(
    task: TextTask[Any],
    folder: Path,
    parts: TextModel,
    data: str | None,
    columns: Mapping[str, str],
) -> GateRows:
    """See `Task.gate_rows`.

    The rows that a run keeps are those of its validation; in folders of before they were kept, of
    its test.
    """

    def rows(texts: Sequence[Text], wanted: Sequence[Any], source: str) -> GateRows:
        task.check_labels(parts, wanted)

        def score(wanted: Sequence[Any], said: Sequence[Any]) -> dict[str, float]:
            return task.gate_scores(parts, wanted, said)

        return GateRows(texts, wanted, source, task.compared, score)

    if data is not None:
        pair = columns[TEXT_PAIR] if parts.text_pairs else None
        table = task.kind.read(data, columns["text"], columns["label"], text_pair_column=pair)
        table = task.kind.named_as(table, parts.labels.names)
        return rows(texts_of(table), table["label"], f"rows of {table.source}")
    for name, source in (
        (VALIDATION, "validation rows of the run"),
        (PREDICTIONS, "test rows of the run, which kept no validation rows"),
    ):
        file = folder / contents.REPORT / name
        if file.exists():
            try:
                table = task.kind.read_kept(file, parts.text_pairs)
                return rows(texts_of(table), table["label"], source)
            except DataError as error:
                raise FolderError(
                    f"{file} does not hold rows as a run leaves them: {error}"
                ) from error
    raise ConfigError(
        f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data FILE."
    )
