"""Runs the benchmarks one after the other and writes what they print into one file.

    python benchmarks/results.py                                   # all, into benchmarks/RESULTS.md
    python benchmarks/results.py --only epochs input_path --plots docs/images
    python benchmarks/results.py --quick --output /tmp/smoke.md     # whether all of them run

Each part is a process of its own; over its tables stand date, machine, threads, versions and
command. The file is written after each part, and a part that is not run keeps the section that the
file had. A part that fails is said there with the end of its error, and this command then ends
with 1. `--quick` runs everything at the smallest size: its figures say nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import paired

FOLDER = Path(__file__).parent
T5_CHECKPOINT = "~/.cache/kerasft-weights/flan-t5-small"
HEAD = (
    "# Measured\n\nWritten by `python benchmarks/results.py`; each section by its own command, and "
    "none by hand.\n"
)


@dataclass(frozen=True)
class Part:
    """A benchmark: what it is, its words for a whole run beyond the defaults, and for a quick one.

    Attributes:
        title: What it measures.
        words: For a whole run.
        quick: For a quick one.
        plots: Whether it draws.
        backends: Whether it takes `--backends`.
    """

    title: str
    words: tuple[str, ...] = ()
    quick: tuple[str, ...] = ()
    plots: bool = False
    backends: bool = True


PARTS: Mapping[str, Part] = {
    "classify": Part(
        "A LoRA step and a LoRA epoch beside transformers + PEFT", quick=("--rounds", "1")
    ),
    "epochs": Part(
        "LoRA epochs with frozen layers run once per text",
        quick=("--cases", "bert-tiny", "--rows", "32", "--rounds", "1", "--starts", "1"),
    ),
    "input_path": Part(
        "The steps of `fit` from the cache",
        quick=("--steps", "8", "--width", "64", "--rounds", "1"),
        plots=True,
    ),
    "cache_cost": Part(
        "What filling and reading the cache cost",
        quick=("--rows", "32", "96", "--probe", "64", "--width", "32", "--rounds", "1"),
        plots=True,
    ),
    "serving": Part(
        "A classifier's engines beside transformers' pipeline",
        quick=("--rounds", "2", "--starts", "1"),
        backends=False,
    ),
    "translate": Part(
        "A translator beside torch.nn.Transformer and MarianMT", quick=("--rounds", "1")
    ),
    "t5": Part(
        "A T5 beside transformers + PEFT",
        ("--checkpoint", T5_CHECKPOINT, "--rounds", "5"),
        ("--checkpoint", T5_CHECKPOINT, "--rounds", "1"),
    ),
    "reliability": Part(
        "Kills, damaged folders, fuzzed requests and slow clients",
        quick=("--kills=4", "--folders=20", "--forged=10", "--requests=200", "--clients=20"),
        backends=False,
    ),
}


def words_of(name: str, options: argparse.Namespace) -> list[str]:
    """The command line of a part, without `python`."""
    part = PARTS[name]
    words = [str(FOLDER / f"{name}.py"), *(part.quick if options.quick else part.words)]
    if options.quick and part.backends and not options.backends:
        words += ["--backends", "torch"]
    if options.backends and part.backends:
        words += ["--backends", *options.backends]
    if options.plots and part.plots:
        words += ["--plot", str(options.plots / f"{name}.png")]
    return [*words, "--threads", str(options.threads)]


def run(words: list[str], threads: int) -> tuple[int, str, str]:
    """Runs a part and shows what it prints: its exit status, what it printed, and its errors."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [sys.executable, *words],
            stdout=subprocess.PIPE, stderr=errors, text=True, env=environment,
        )  # fmt: skip
        assert process.stdout
        printed = []
        for line in process.stdout:
            print(line, end="", flush=True)
            printed.append(line)
        status = process.wait()
        errors.seek(0)
        return status, "".join(printed), errors.read()


def section(name: str, words: list[str], threads: int, quick: bool) -> tuple[str, bool]:
    """Runs a part: its section of the file, and whether it went well."""
    date, start = time.strftime("%Y-%m-%d %H:%M %Z"), time.perf_counter()
    status, printed, errors = run(words, threads)
    minutes = (time.perf_counter() - start) / 60
    command = " ".join(["python", os.path.relpath(words[0]), *words[1:]])
    lines = [f"## {name}\n", f"{PARTS[name].title}.\n"]
    if quick:
        lines.append("**A quick run, to see whether it runs: its figures say nothing.**\n")
    how, tables = without_heading(printed)
    how = how or f"threads: {threads}"
    lines.append(f"{date}, {minutes:.1f} minutes; {paired.machine()}; {how}\n")
    lines.append(f"    {command}\n")
    if status:
        print(errors, file=sys.stderr)
        end = "\n".join(f"    {line}" for line in errors.strip().splitlines()[-5:])
        lines.append(f"**It failed with exit status {status}:**\n\n{end}\n")
    lines.append(tables + "\n")
    return "\n".join(lines).rstrip() + "\n", not status


def without_heading(printed: str) -> tuple[str, str]:
    """What a part says of threads and rounds, and its tables, without machine and command."""
    first, _, rest = printed.partition("\n")
    if not first.startswith(paired.machine()):
        return "", printed.strip()
    how = first.removeprefix(paired.machine()).lstrip("; ")
    return how, re.sub(r"\A\s*\n {4}python [^\n]*\n", "", "\n" + rest).strip()


def sections(text: str) -> dict[str, str]:
    """The sections of a file that was written before, by name."""
    pieces = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    return {piece[3:].split("\n", 1)[0].strip(): piece for piece in pieces[1:]}


def write(path: Path, found: Mapping[str, str]) -> None:
    """Writes the file, in the order of the parts."""
    known = [found[name].rstrip() + "\n" for name in PARTS if name in found]
    others = [text.rstrip() + "\n" for name, text in found.items() if name not in PARTS]
    new = path.with_suffix(".new")
    new.write_text("\n".join([HEAD, *known, *others]), encoding="utf-8")
    new.replace(path)


def main() -> None:
    """Runs the parts; ends with 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--quick", action="store_true", help="the smallest sizes, on torch")
    parser.add_argument("--output", type=Path, default=FOLDER / "RESULTS.md")
    parser.add_argument("--plots", type=Path, help="the directory that pictures go to")
    parser.add_argument("--backends", nargs="+", choices=paired.BACKENDS, help="else their own")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if options.quick and options.output == FOLDER / "RESULTS.md":
        parser.error("--quick measures nothing: give it an --output of its own")
    found = sections(options.output.read_text("utf-8")) if options.output.exists() else {}
    failed = []
    for name in options.only:
        print(f"\n# {name}\n", flush=True)
        words = words_of(name, options)
        found[name], good = section(name, words, options.threads, options.quick)
        if not good:
            failed.append(name)
        write(options.output, found)
    print(f"\n{options.output}: {', '.join(options.only)}; failed: {', '.join(failed) or 'none'}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
