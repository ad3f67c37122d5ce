"""Times a T5 beside transformers (+ Hugging Face PEFT) on one checkpoint.

    python benchmarks/t5.py --checkpoint ~/.cache/kerasft-weights/flan-t5-small
    python benchmarks/t5.py --checkpoint DIR --parts generation --backends jax --rounds 15

For each backend one process a side lives beside the other, and they take turns, job by job; the
peer is always on torch. The jobs are those of `t5_training.py` (a LoRA step) and `t5_generation.py`
(greedy and beam search); `t5_ctranslate2.py` has the latter once more for CTranslate2, whose export
is made on the first of the backends. Printed are the medians of each side's figure, the seconds of
the first job (compiling included), peak memory, and the median of the paired ratios (above 1:
kerasft is faster).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import paired
import t5_ctranslate2
import t5_generation
import t5_training
from paired import BACKENDS

PARTS = {"training": t5_training, "generation": t5_generation, "ctranslate2": t5_ctranslate2}


def main() -> None:
    """Runs the comparisons and prints a Markdown table for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="a T5's directory")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    checkpoint = arguments.checkpoint.expanduser()
    if not (checkpoint / "config.json").is_file():
        parser.error(f"--checkpoint {checkpoint} holds no config.json")
    if arguments.worker:
        part, _, side = arguments.worker.partition(":")
        return paired.serve(lambda: PARTS[part].SIDES[side](checkpoint, arguments.threads))
    print(f"{paired.machine()}; {arguments.threads} threads, {arguments.rounds} rounds")
    words = ["--checkpoint", checkpoint, "--threads", arguments.threads]
    for part in arguments.parts:
        paired.print_table(part, PARTS[part], __file__, words, arguments.backends, arguments.rounds)


if __name__ == "__main__":
    main()
