"""The rows on which an 8-bit model is compared, of a file or kept by the run, for several tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.folder import contents
from kerasft.runtimes.gate import GateRows

SAMPLES, ENTITIES = "samples.jsonl", "predictions.jsonl"
"""Where a run keeps its held-out rows: of texts, and of entities."""
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
    """What a model read and what is right, of a row of `SAMPLES`.

    Raises:
        TypeError: They are no texts.
    """
    source, reference = row["source"], row["reference"]
    if not (isinstance(source, str) and isinstance(reference, str)):
        raise TypeError("no texts")
    return source, reference


def entity_rows(folder: Path, data: str | None) -> GateRows:
    """Sentences with their entities, for results that have `entities`; see `Task.gate_rows`."""
    if data is not None:
        from kerasft.data.conll import read_conll

        sentences = read_conll(data).sentences
        rows = [(each.text, _places(each)) for each in sentences]
    else:
        rows = kept_rows(folder, ENTITIES, _sentence)
    texts, wanted = map(list, zip(*rows, strict=True))
    source = KEPT if data is None else f"rows of {data}"
    return GateRows(texts, wanted, source, _places, _entity_f1)


def _places(found: Any) -> frozenset[tuple[int, int, str]]:
    return frozenset((each.start, each.end, each.type) for each in found.entities)


def _sentence(row: Mapping[str, Any]) -> tuple[str, frozenset]:
    if not isinstance(row["text"], str):
        raise TypeError("no text")
    return row["text"], frozenset((e["start"], e["end"], e["type"]) for e in row["entities"])


def _entity_f1(wanted: Sequence[frozenset], said: Sequence[frozenset]) -> dict[str, float]:
    """F1 over the entities of all sentences; right are those of the right place and type."""
    right = sum(len(one & other) for one, other in zip(wanted, said, strict=True))
    both = sum(len(entities) for side in (wanted, said) for entities in side)
    return {"F1": 200 * right / both if both else 100.0}
