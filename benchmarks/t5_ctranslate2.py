"""The jobs of `t5_generation.py` through CTranslate2, in float32 and in 8 bits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import ctranslate2_sides
from t5_generation import JOBS, NEW_TOKENS, UNIT, Jobs, figure, sources, transformers_side

__all__ = ["JOBS", "PEER", "SIDES", "UNIT", "figure"]


def engine_side(checkpoint: Path, threads: int, int8: bool) -> Jobs:
    """The jobs of an engine."""
    from kerasft.presets import load_seq2seq

    model = load_seq2seq(str(checkpoint)).model
    a = model.arguments
    return ctranslate2_sides.jobs(
        model, (a.start_id, a.end_id), JOBS, partial(sources, limit=a.vocab_size), NEW_TOKENS,
        threads=threads, int8=int8,
    )  # fmt: skip


PEER = "transformers"
SIDES = ctranslate2_sides.sides(PEER, transformers_side, engine_side)
