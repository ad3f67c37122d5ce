"""The generation jobs of `t5.py`: 40 tokens for 1 or 16 texts, greedily or with 4 beams.

Sources have 30 tokens; the end token is forbidden on both sides (kerasft is told that a row which
stands for no token ends an output), so that every output has the 40 tokens that are allowed: from
token ids to token ids. The figure is milliseconds per text; the peer is transformers' `generate`
on torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

END, FIRST, LAST = 1, 10, 30_000
SOURCE_TOKENS, NEW_TOKENS = 30, 40
JOBS = {
    "greedy, batch 1": (1, 1),
    "greedy, batch 16": (1, 16),
    "4 beams, batch 1": (4, 1),
    "4 beams, batch 16": (4, 16),
}
Jobs = dict[str, Callable[[], object]]


def sources(batch: int, limit: int) -> np.ndarray:
    """Random sources, (batch, SOURCE_TOKENS) int32, each with its end token."""
    rng = np.random.default_rng(0)
    ids = rng.integers(FIRST, min(limit, LAST), (batch, SOURCE_TOKENS), dtype=np.int32)
    ids[:, -1] = END
    return ids


def check(tokens: int, batch: int) -> None:
    """Both sides must do the same work."""
    if tokens != NEW_TOKENS * batch:
        raise SystemExit(f"{tokens} tokens were written instead of {NEW_TOKENS * batch}")


def kerasft_side(checkpoint: Path, threads: int) -> Jobs:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    from kerasft.generation import Generator
    from kerasft.presets import load_seq2seq

    model = load_seq2seq(str(checkpoint)).model
    a = model.arguments

    def job(beams: int, batch: int) -> Callable[[], object]:
        generator = Generator(
            model, start_id=a.start_id, end_id=a.vocab_size - 1, pad_id=a.pad_id,
            max_length=NEW_TOKENS, beam_size=beams, max_source_length=SOURCE_TOKENS,
            early_stopping=True, rank_cut=True, forbidden=(a.end_id,),
        )  # fmt: skip
        ids = list(sources(batch, a.vocab_size))

        def run() -> None:
            found = generator.generate(ids)
            check(sum(len(best.token_ids) for best, *_ in found), batch)

        return run

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def transformers_side(checkpoint: Path, threads: int) -> Jobs:
    """The jobs of transformers."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    model = transformers.T5ForConditionalGeneration.from_pretrained(
        checkpoint, dtype=torch.float32
    ).eval()

    def job(beams: int, batch: int) -> Callable[[], object]:
        ids = torch.from_numpy(sources(batch, model.config.vocab_size)).long()

        def run() -> None:
            with torch.inference_mode():
                found = model.generate(
                    input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=beams,
                    do_sample=False, min_new_tokens=NEW_TOKENS, max_new_tokens=NEW_TOKENS,
                    **({"early_stopping": True} if beams > 1 else {}),
                )  # fmt: skip
            check(batch * (found.shape[1] - 1), batch)

        return run

    return {name: job(*sizes) for name, sizes in JOBS.items()}


SIDES = {"kerasft": kerasft_side, "transformers": transformers_side}
UNIT = "ms/text"


def figure(job: str, seconds: float) -> str:
    """Milliseconds a text."""
    return f"{seconds / JOBS[job][1] * 1e3:.1f}"
