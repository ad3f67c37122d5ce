"""CTranslate2's sides of `translate.py` and `t5.py`: the same decoding jobs, on an export.

The export is made by kerasft from the model that its own side has, on any backend; nothing of that
backend computes in the jobs. Each job is the call that `CTranslate2Generator` makes of CTranslate2,
but that outputs are kept from ending (`min_decoding_length`), as on the peers' side.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.runtimes.ctranslate2.runtime import CTranslate2


def sides(
    peer: str, peer_side: Callable[..., Any], engine_side: Callable[..., Any]
) -> dict[str, Callable[..., Any]]:
    """The peer's side and one of each engine, which is told whether it is the one of 8 bits."""
    engines = {
        name: partial(engine_side, int8=name == CTranslate2.small) for name in CTranslate2().formats
    }
    return {peer: peer_side, **engines}


def jobs(
    model: Any,
    ends: tuple[int, int],
    sizes: Mapping[str, tuple[int, int]],
    sources: Callable[[int], np.ndarray],
    new_tokens: int,
    *,
    threads: int,
    int8: bool,
) -> dict[str, Callable[[], object]]:
    """The jobs of an engine.

    Args:
        model: A translator or a T5 in Keras.
        ends: The tokens that an output begins with and ends with.
        sizes: Name of a job -> beams, and texts in a batch.
        sources: Texts in a batch -> token ids (texts, tokens) int32.
        new_tokens: Tokens of each output.
        threads: Threads that compute.
        int8: Whether matrices are multiplied in 8 bits.
    """
    from kerasft.runtimes.ctranslate2.generator import batch_size, open_translator
    from kerasft.runtimes.ctranslate2.write import source_tokens, write_ctranslate2

    with tempfile.TemporaryDirectory() as scratch:
        write_ctranslate2(model, Path(scratch), *ends, int8=int8)
        translator = open_translator(Path(scratch), int8=int8, threads=threads)

    def job(beams: int, batch: int) -> Callable[[], object]:
        ids = sources(batch)

        def run() -> None:
            found = translator.translate_batch(
                [source_tokens(row) for row in ids], beam_size=beams, max_input_length=0,
                min_decoding_length=new_tokens, max_decoding_length=new_tokens, return_scores=True,
                max_batch_size=batch_size(translator, batch),
            )  # fmt: skip
            written = {len(each.hypotheses[0]) for each in found}
            if written != {new_tokens} or len(found) != batch:
                raise SystemExit(f"{written} tokens were written instead of {new_tokens}")

        return run

    return {name: job(*each) for name, each in sizes.items()}
