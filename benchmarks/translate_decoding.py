"""Times a translator's decoding beside transformers' MarianMT of the same size.

    python benchmarks/translate_decoding.py
    python benchmarks/translate_decoding.py --backends jax tensorflow --rounds 15

Both sides have 3 + 3 layers of width 256 with 8 heads and a feed-forward width of 1024,
vocabularies of 15,000 tokens, the target embedding tied to the projection (MarianMT shares it with
the source too) and random weights, on whose values the speed does not depend. Sources have 15
tokens; [EOS] is made impossible on both sides, so that every output has the 20 tokens that are
allowed. A job decodes 1 or 32 sentences, greedily or with 4 beams, from token ids to token ids. For
each backend two processes live side by side and take turns; transformers' is on torch. Printed are
the medians of the milliseconds a sentence, the medians of the paired ratios transformers / kerasft
(above 1: kerasft is faster), the seconds of the first call, compiling included, and peak memory.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

import numpy as np

import paired
from paired import BACKENDS

LAYERS, WIDTH, HEADS, INNER, VOCABULARY = 3, 256, 8, 1024, 15_000
UNKNOWN, PAD, START, END = range(4)
SOURCE_TOKENS, NEW_TOKENS, POSITIONS = 15, 20, 64
JOBS = {
    "greedy, batch 1": (1, 1),
    "greedy, batch 32": (1, 32),
    "4 beams, batch 1": (4, 1),
    "4 beams, batch 32": (4, 32),
}
SIDES = ("kerasft", "MarianMT")
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
    from kerasft import backends

    backends.current().set_threads(threads)
    from kerasft.generation import Generator
    from kerasft.models import build_transformer

    backends.seed_everything(0)
    model = build_transformer(
        *(VOCABULARY, VOCABULARY, POSITIONS, POSITIONS, WIDTH, LAYERS, HEADS, 0.1, INNER),
        tie_embeddings=True,
    )
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
    import transformers

    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER, activation_function="relu", max_position_embeddings=POSITIONS,
        pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=START, forced_eos_token_id=None,
    )  # fmt: skip
    model = transformers.MarianMTModel(config).eval()
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


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        makers = dict(zip(SIDES, (kerasft_side, marian_side), strict=True))
        return paired.serve(lambda: makers[arguments.worker](arguments.threads))

    print(f"{paired.machine()}; {arguments.threads} threads")
    columns = ["backend", "job"]
    columns += [f"{side}: {what}" for what in ("ms/sentence", "first, s", "MiB") for side in SIDES]
    columns += ["ratio"]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for backend in arguments.backends:
        words = ["--threads", arguments.threads, "--worker"]
        sides = [paired.Worker(__file__, [*words, side], backend) for side in SIDES]
        for name, (_, batch) in JOBS.items():
            timings = paired.compare(sides, name, arguments.rounds)
            cells = [f"{t.seconds / batch * 1e3:.2f}" for t in timings]
            cells += [f"{t.first:.1f}" for t in timings] + [f"{t.mib:.0f}" for t in timings]
            print(f"| {backend} | {name} | {' | '.join(cells)} | {timings[1].ratio:.2f}x |")
        for side in sides:
            side.stop()


if __name__ == "__main__":
    main()
