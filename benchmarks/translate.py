"""Times a translator beside `torch.nn.Transformer` and transformers' MarianMT of the same size.

    python benchmarks/translate.py
    python benchmarks/translate.py --parts decoding --backends jax tensorflow --rounds 15

For each backend one process a side lives beside the others, and they take turns, job by job; the
peers are always on torch. The models are those of `translator_models.py`, the jobs those of
`translate_training.py` and `translate_decoding.py`; `translate_ctranslate2.py` has the latter once
more for CTranslate2, whose export is made on the first of the backends. Printed are the medians of
each side's figure, the seconds of the first job (compiling included: the time to the first steps),
peak memory, and the medians of the paired ratios (above 1: kerasft is faster).
"""

from __future__ import annotations

import argparse
import os

import paired
import translate_ctranslate2
import translate_decoding
import translate_training
from paired import BACKENDS

PARTS = {
    "training": translate_training,
    "decoding": translate_decoding,
    "ctranslate2": translate_ctranslate2,
}


def main() -> None:
    """Runs the comparisons and prints a Markdown table for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        part, _, side = arguments.worker.partition(":")
        return paired.serve(lambda: PARTS[part].SIDES[side](arguments.threads))
    print(f"{paired.machine()}; {arguments.threads} threads, {arguments.rounds} rounds")
    words = ["--threads", arguments.threads]
    for part in arguments.parts:
        paired.print_table(part, PARTS[part], __file__, words, arguments.backends, arguments.rounds)


if __name__ == "__main__":
    main()
