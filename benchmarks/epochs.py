"""Times epochs of LoRA, with frozen layers run once per text, beside transformers + PEFT.

    python benchmarks/epochs.py                                  # random weights, three backends
    python benchmarks/epochs.py --cases distilbert --backends jax --rounds 7
    python benchmarks/epochs.py --cases distilbert --checkpoint DIR --data FILE.csv --max_length 64

Texts of natural lengths (the shipped corpus, or a column of `--data`), 16 a step, LoRA of rank 8 on
query and value, the head, Adam. A case is a model:

    distilbert      6 layers of width 768, LoRA in the last two: four layers and embeddings are kept
    bert-tiny       2 layers of width 128, LoRA in the last one: a layer and the embeddings are kept
    bert-tiny-all   the same, LoRA in both, as `tinybert_lora` has it: nothing can be kept

kerasft's epochs are grouped by length and go through `fit`: the first one, which fills the cache
(compiled before, into an empty cache each time), later ones from the cache, and epochs with
`--cache_backbone off`. Beside them stand plain loops of transformers + PEFT on torch: (a) each
batch padded to `--max_length` (128, as transformers' run_glue.py has it), (b) batches of like
length (transformers' own `get_length_grouped_indices`) padded to their longest text; both with
dropout and with every rate at 0. Each of the four ways is a process of its own; they take turns, A
B C D A B C D ... Printed are medians over the rounds, medians of the paired ratios PEFT / kerasft
(above 1: kerasft is faster), the first call (compiling included), peak memory, and the seconds from
the start of a process to the end of its first step. The aims are those that the project set itself.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import epoch_sides
import paired
from paired import BACKENDS

FILL, CACHED, OFF = "first epoch, filling", "from the cache", "cache off"
PADDED, PADDED_STILL = "PEFT (a), dropout", "PEFT (a), none"
DYNAMIC, DYNAMIC_STILL = "PEFT (b), dropout", "PEFT (b), none"
OURS, PEERS = (FILL, CACHED, OFF), (PADDED, PADDED_STILL, DYNAMIC, DYNAMIC_STILL)
# Label -> side and job of `epoch_sides.py`.
TURNS = {
    FILL: ("kept", "fill"),
    PADDED: ("padded", "dropout"),
    PADDED_STILL: ("padded", "still"),
    CACHED: ("kept", "cached"),
    DYNAMIC: ("dynamic", "dropout"),
    DYNAMIC_STILL: ("dynamic", "still"),
    OFF: ("whole", "epoch"),
}
Answers = Mapping[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """A model: its size, and the layers that get LoRA."""

    size: str
    last_layers: int
    keeps: bool


CASES = {
    "distilbert": Case("distilbert", 2, keeps=True),
    "bert-tiny": Case("bert-tiny", 1, keeps=True),
    "bert-tiny-all": Case("bert-tiny", 2, keeps=False),
}


@dataclass(frozen=True)
class Aim:
    """How much faster one way is to be than another.

    Attributes:
        case: The model.
        way: kerasft's.
        peer: PEFT's.
        least: Ratio.
        everywhere: On each backend, or on the best.
    """

    case: str
    way: str
    peer: str
    least: float
    everywhere: bool = False


AIMS = [
    *(Aim("distilbert", CACHED, peer, 6.0) for peer in (PADDED, PADDED_STILL)),
    *(Aim("distilbert", CACHED, peer, 3.0) for peer in (DYNAMIC, DYNAMIC_STILL)),
    *(Aim("distilbert", CACHED, peer, 2.5, everywhere=True) for peer in (DYNAMIC, DYNAMIC_STILL)),
    *(Aim("distilbert", FILL, peer, 1.0, everywhere=True) for peer in (DYNAMIC, DYNAMIC_STILL)),
    *(Aim("bert-tiny", CACHED, peer, 2.0) for peer in (DYNAMIC, DYNAMIC_STILL)),
    *(Aim("bert-tiny-all", OFF, peer, 2.0) for peer in (DYNAMIC, DYNAMIC_STILL)),
]


def measure(case: Case, words: list[object], backend: str, rounds: int) -> Answers:
    """The epochs of a case on a backend, and what PEFT took beside them."""
    turns = {label: turn for label, turn in TURNS.items() if case.keeps or turn[0] != "kept"}
    names = dict.fromkeys(side for side, _ in turns.values())
    sides = {name: paired.Worker(__file__, [*words, "--worker", name], backend) for name in names}
    answers = paired.take_turns(
        {label: (sides[side], job) for label, (side, job) in turns.items()}, rounds
    )
    for side in sides.values():
        side.stop()
    return answers


def first_steps(case: Case, words: list[object], backend: str, starts: int) -> dict[str, float]:
    """Side -> median seconds from the start of its process to the end of its first step."""
    names = [name for name in epoch_sides.SIDES if case.keeps or name != "kept"]
    found: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(starts):
        for name in names:
            seconds, _ = paired.first_job(
                __file__, [*words, "--worker", name], backend, "first step"
            )
            found[name].append(seconds)
    return {name: statistics.median(seconds) for name, seconds in found.items() if seconds}


def print_lines(backend: str, answers: Answers, starts: Mapping[str, float]) -> None:
    """Prints a backend's part of a table."""
    for label in (*OURS, *PEERS):
        if label not in answers:
            continue
        mine = answers[label]
        ratios = [
            f"{paired.ratio(answers[peer], mine):.2f}x" if label in OURS else "" for peer in PEERS
        ]
        start = starts.get(TURNS[label][0])
        print(
            f"| {backend} | {label} | {paired.median(mine):.2f} | {' | '.join(ratios)} "
            f"| {mine[0]['seconds']:.1f} | {'' if start is None else f'{start:.1f}'} "
            f"| {mine[-1]['peak_mib']:.0f} |",
            flush=True,
        )


def print_aims(found: Mapping[tuple[str, str], Answers]) -> None:
    """Prints what was aimed at beside what was measured."""
    print("\n| aim | measured | met |\n|---|---|---|")
    for aim in AIMS:
        ratios = {
            backend: paired.ratio(answers[aim.peer], answers[aim.way])
            for (case, backend), answers in found.items()
            if case == aim.case
        }
        if not ratios:
            continue
        where = "each backend" if aim.everywhere else "the best backend"
        worst_or_best = min(ratios.values()) if aim.everywhere else max(ratios.values())
        measured = ", ".join(f"{backend} {ratio:.2f}x" for backend, ratio in ratios.items())
        print(
            f"| {aim.case}, {aim.way}: {aim.least:g}x {aim.peer}, on {where} | {measured} "
            f"| {'yes' if worst_or_best >= aim.least else 'no'} |"
        )


def main() -> None:
    """Runs the comparison and prints Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=list(CASES))
    parser.add_argument("--checkpoint", type=Path, help="a BERT or DistilBERT; else random weights")
    parser.add_argument("--data", help="texts as csv, tsv or jsonl; else the shipped corpus")
    parser.add_argument("--text_column", default="text")
    parser.add_argument("--rows", type=int, default=256, help="texts (%(default)s)")
    parser.add_argument("--max_length", type=int, default=128, help="tokens (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3, help="cold starts of each side")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--last_layers", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--worker", choices=list(epoch_sides.SIDES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return paired.serve(lambda: epoch_sides.SIDES[arguments.worker](arguments))
    if arguments.checkpoint and len(arguments.cases) > 1:
        parser.error("--checkpoint is one model: give one of --cases too")
    if arguments.rounds < 1:
        parser.error("--rounds must be 1 or more")

    from classify import random_checkpoint

    print(paired.heading(arguments.threads, arguments.rounds), flush=True)
    found: dict[tuple[str, str], Answers] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name in arguments.cases:
            case = CASES[name]
            checkpoint = arguments.checkpoint or random_checkpoint(Path(scratch, name), case.size)
            words: list[object] = ["--checkpoint", checkpoint, "--last_layers", case.last_layers]
            for option in ("rows", "max_length", "threads", "text_column"):
                words += [f"--{option}", getattr(arguments, option)]
            words += ["--data", arguments.data] if arguments.data else []
            print(f"\n**{name}**, {epoch_sides.describe(checkpoint, arguments)}\n", flush=True)
            columns = ["backend", "epoch", "s", *(f"beside {peer}" for peer in PEERS)]
            columns += ["first call, s", "command to first step, s", "peak MiB"]
            print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
            for backend in arguments.backends:
                starts = first_steps(case, words, backend, arguments.starts)
                found[name, backend] = measure(case, words, backend, arguments.rounds)
                print_lines(backend, found[name, backend], starts)
    print_aims(found)


if __name__ == "__main__":
    main()
