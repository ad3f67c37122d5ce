"""Data sets of the Hugging Face hub, through the `datasets` library."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from kerasft.data.table import Table, check_columns, make_table, quoted
from kerasft.errors import DataError


def read_hub(name: str, text_column: str, label_column: str | None) -> Table:
    """Reads the "train" part of a hub data set.

    Class ids become class names. `HF_TOKEN` and `HF_ENDPOINT` count as in all Hugging Face tools.

    Args:
        name: "NAME" or "NAME:CONFIG".
        text_column: The column with the texts.
        label_column: The column with the classes, or None.

    Raises:
        DataError: `datasets` is not installed, the data set does not exist, cannot be reached or
            read, or lacks a part or column.
    """
    source = f"hub:{name}"
    repository, _, configuration = name.partition(":")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repository) or repository.startswith("."):
        raise DataError(f"{source!r} names no hub data set; write hub:NAME or hub:NAME:CONFIG")
    data = _load(source, repository, configuration or None)
    check_columns(source, data.column_names, text_column, label_column)
    texts = data[text_column]
    labels = None if label_column is None else data[label_column]
    rows: list[tuple[int, str, str | None]] = []
    for row in range(len(data)):
        rows.append((row + 1, texts[row], None if labels is None else str(labels[row])))
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    return make_table(rows, source=source, sha256=digest, unit="row")


def _load(source: str, repository: str, configuration: str | None) -> Any:
    import datasets

    builder = datasets.load_dataset_builder(repository, configuration)
    builder.download_and_prepare()
    return builder.as_dataset(split="train")
