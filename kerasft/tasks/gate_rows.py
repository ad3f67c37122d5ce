"""The rows on which an 8-bit model is compared, of a file or kept by the run, for several tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.folder import contents

PREDICTIONS = "predictions.jsonl"
"""Where a run that writes texts keeps its held-out rows."""
KEPT = "held-out rows of the run"

Row = TypeVar("Row")


def kept_rows(folder: Path, name: str, read: Callable[[Any], Row]) -> list[Row]:
    """The rows that a run kept.

    Args:
        folder: The saved folder.
        name: The file in `report/`, JSON lines.
        read: Makes a row of the JSON object in a line.

    Raises:
        ConfigError: There is no such file.
        FolderError: It holds something else.
    """
    file = folder / contents.REPORT / name
    if not file.exists():
        raise ConfigError(
            f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data FILE."
        )
    try:
        rows = [read(json.loads(line)) for line in file.read_text("utf-8").splitlines() if line]
        if not rows:
            raise ValueError("no rows")
    except (KeyError, TypeError, ValueError, DataError) as error:
        raise FolderError(f"{file} does not hold rows as a run leaves them.") from error
    return rows


def source_and_reference(row: Mapping[str, Any]) -> tuple[str, str]:
    """What a model read and what is right, of a row of `PREDICTIONS`.

    Raises:
        TypeError: They are no texts.
    """
    source, reference = row["source"], row["reference"]
    if not (isinstance(source, str) and isinstance(reference, str)):
        raise TypeError("no texts")
    return source, reference
