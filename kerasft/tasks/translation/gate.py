"""The rows that a translator in 8 bits is compared on with the one that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from kerasft.runtimes.gate import GateRows
from kerasft.tasks.gate_rows import KEPT, PREDICTIONS, kept_rows, source_and_reference


def gate_rows(folder: Path, data: str | None) -> GateRows:
    """See `Task.gate_rows`; the user's rows are pairs, a source TAB a target a line."""
    if data is None:
        rows = kept_rows(folder, PREDICTIONS, source_and_reference)
        sources, targets = map(list, zip(*rows, strict=True))
        return GateRows(sources, targets, KEPT, attrgetter("translation"), _score)
    from kerasft.data.pairs import read_pairs

    pairs = read_pairs(data)
    source = f"rows of {data}"
    return GateRows(pairs["source"], pairs["target"], source, attrgetter("translation"), _score)


def _score(wanted: Sequence[str], said: Sequence[str]) -> dict[str, float]:
    from kerasft.evaluation.text_scores import score_texts

    found = score_texts(said, wanted)
    return {"BLEU": found["bleu"], "chrF": found["chrf"]}
