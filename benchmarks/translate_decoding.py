"""The decoding jobs of `translate.py`: 1 or 32 sentences, greedily or with 4 beams.

Sources have 15 tokens; [EOS] is made impossible on both sides, so that every output has the 20
tokens that are allowed: from token ids to token ids. The weights are random, on whose values the
speed does not depend. The figure is milliseconds per sentence; transformers' `generate` is on
torch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from translator_models import (
    END,
    PAD,
    POSITIONS,
    START,
    VOCABULARY,
    kerasft_model,
    marian_model,
)

SOURCE_TOKENS, NEW_TOKENS = 15, 20
JOBS = {
    "greedy, batch 1": (1, 1),
    "greedy, batch 32": (1, 32),
    "4 beams, batch 1": (4, 1),
    "4 beams, batch 32": (4, 32),
}
Jobs = dict[str, Callable[[], object]]


def sources(batch: int) -> np.ndarray:
    """Random sources, (batch, SOURCE_TOKENS) int32."""
    rng = np.random.default_rng(0)
    ids = rng.integers(END + 1, VOCABULARY, (batch, SOURCE_TOKENS), dtype=np.int32)
    ids[:, 0], ids[:, -1] = START, END
    return ids


def check(tokens: int, batch: int) -> None:
    """Both sides must do the same work."""
    if tokens != NEW_TOKENS * batch:
        raise SystemExit(f"{tokens} tokens were decoded instead of {NEW_TOKENS * batch}")


def kerasft_side(threads: int) -> Jobs:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft.generation import Generator

    model = kerasft_model(threads, dropout=0.0)
    bias = np.zeros(VOCABULARY, np.float32)
    bias[END] = -1e9
    model.projection.bias.assign(bias)

    def job(beams: int, batch: int) -> Callable[[], object]:
        generator = Generator(
            model, start_id=START, end_id=END, pad_id=PAD, max_length=NEW_TOKENS,
            max_source_length=POSITIONS, beam_size=beams,
        )  # fmt: skip
        ids = list(sources(batch))

        def run() -> None:
            found = generator.generate(ids)
            check(sum(len(best.token_ids) for best, *_ in found), batch)

        return run

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def marian_side(threads: int) -> Jobs:
    """The jobs of transformers' MarianMT."""
    import torch

    model = marian_model(threads, dropout=0.0).eval()
    model.final_logits_bias[0, END] = -1e9

    def job(beams: int, batch: int) -> Callable[[], object]:
        ids = torch.from_numpy(sources(batch)).long()

        def run() -> None:
            with torch.inference_mode():
                found = model.generate(
                    input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=beams,
                    do_sample=False, max_new_tokens=NEW_TOKENS,
                )  # fmt: skip
            check(batch * (found.shape[1] - 1), batch)

        return run

    return {name: job(*sizes) for name, sizes in JOBS.items()}


SIDES = {"kerasft": kerasft_side, "MarianMT": marian_side}
UNIT = "ms/sentence"


def figure(job: str, seconds: float) -> str:
    """Milliseconds a sentence."""
    return f"{seconds / JOBS[job][1] * 1e3:.2f}"
