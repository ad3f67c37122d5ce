"""The rows on which an 8-bit model that finds entities is compared with the full one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasft.runtimes.gate import GateRows
from kerasft.tasks.entities.rows import read_entity_file
from kerasft.tasks.gate_rows import KEPT, kept_rows

ENTITY_PREDICTIONS = "predictions.jsonl"
"""Where a run keeps its held-out sentences."""


def entity_rows(folder: Path, data: str | None) -> GateRows:
    """Sentences with their entities, for results that have `entities`; see `Task.gate_rows`."""
    if data is not None:
        sentences = read_entity_file(data).sentences
        rows = [(each.text, _places(each)) for each in sentences]
    else:
        rows = kept_rows(folder, ENTITY_PREDICTIONS, _sentence)
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
