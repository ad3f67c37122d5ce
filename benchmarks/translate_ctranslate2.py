"""The jobs of `translate_decoding.py` through CTranslate2, in float32 and in 8 bits."""

from __future__ import annotations

import ctranslate2_sides
from translate_decoding import JOBS, NEW_TOKENS, UNIT, Jobs, figure, marian_side, sources
from translator_models import END, START, kerasft_model

__all__ = ["JOBS", "PEER", "SIDES", "UNIT", "figure"]


def engine_side(threads: int, int8: bool) -> Jobs:
    """The jobs of an engine."""
    model = kerasft_model(threads, dropout=0.0)
    return ctranslate2_sides.jobs(
        model, (START, END), JOBS, sources, NEW_TOKENS, threads=threads, int8=int8
    )


PEER = "MarianMT"
SIDES = ctranslate2_sides.sides(PEER, marian_side, engine_side)
