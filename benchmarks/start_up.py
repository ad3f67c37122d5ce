"""How long a command takes to answer: `predict` for one text, `serve` until it is ready.

    python benchmarks/start_up.py --folder saved_models/distilbert_lora
    python benchmarks/start_up.py --folder FOLDER --before OLD_TREE --before_folder OLD_FOLDER

With another version of the repository, its commands take turns with ours, each on a folder that it
saved itself. A folder needs an export for ONNX Runtime (`kerasft export FOLDER --engine onnx`).
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paired import BACKENDS

ROOT = Path(__file__).parent.parent
TEXT = "Jon: It shipped today."


@dataclass(frozen=True)
class Side:
    """One version of the code, and a folder that it reads."""

    tree: Path
    folder: Path

    def start(self, backend: str, *words: str) -> subprocess.Popen:
        """Starts a module of this version."""
        environment = {**os.environ, "PYTHONPATH": str(self.tree), "TF_CPP_MIN_LOG_LEVEL": "3"}
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment, "KERAS_BACKEND": backend},
            cwd=self.tree,  # before all else on the path of `python -m`
        )

    def predict(self, backend: str, *words: str) -> tuple[float, float]:
        """Seconds until one text is predicted, and those that the processor worked for it."""
        start, worked = time.perf_counter(), _worked()
        process = self.start(backend, "kerasft.predict", str(self.folder.resolve()), TEXT, *words)
        _, errors = process.communicate(timeout=300)
        if process.returncode:
            raise SystemExit(errors)
        return time.perf_counter() - start, _worked() - worked

    def serve(self, *words: str) -> tuple[float, float]:
        """Seconds until a server says that it is ready, and those that the processor worked."""
        start, worked = time.perf_counter(), _worked()
        process = self.start("", "kerasft.serve", str(self.folder.resolve()), "--port", "0", *words)
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if re.search("ready after", line):
                break
        else:
            raise SystemExit("".join(said))
        seconds = time.perf_counter() - start
        process.terminate()
        process.communicate()
        return seconds, _worked() - worked


def _worked() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(
    name: str, sides: list[Side], job: Callable[[Side], tuple[float, float]], rounds: int
) -> None:
    """Lets the sides take turns and prints a row: medians, and the median ratio of the pairs."""
    for side in sides:
        job(side)  # the files are in memory from now on, and compiled
    times = [[job(side) for side in sides] for _ in range(rounds)]
    wall = [statistics.median(each[i][0] for each in times) for i in range(len(sides))]
    work = [statistics.median(each[i][1] for each in times) for i in range(len(sides))]
    cells = [f"{wall[-1]:.2f} ({work[-1]:.2f})"]
    if len(sides) > 1:
        ratio = [statistics.median(each[1][i] / each[0][i] for each in times) for i in (0, 1)]
        cells = [f"{wall[0]:.2f} ({work[0]:.2f})", *cells, f"{ratio[0]:.2f}x ({ratio[1]:.2f}x)"]
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Prints a Markdown table: seconds, and in brackets those that the processor worked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True, help="a saved classifier")
    parser.add_argument("--before", type=Path, help="another version of the repository")
    parser.add_argument("--before_folder", type=Path, help="a classifier that it saved")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=BACKENDS)
    arguments = parser.parse_args()
    if bool(arguments.before) != bool(arguments.before_folder):
        parser.error("--before and --before_folder go together")
    after = [Side(ROOT, arguments.folder.resolve())]
    sides = after
    if arguments.before:
        sides = [Side(arguments.before.resolve(), arguments.before_folder.resolve()), *after]
    before = " before | now | ratio |" if arguments.before else " now |"
    print(f"| command |{before}\n|---|{'---|' * before.count('|')}")
    onnx, keras = ("--engine", "onnx"), ("--engine", "keras")
    jobs = {"`predict`, ONNX Runtime": lambda side: side.predict("", *onnx)}
    for backend in arguments.backends:
        name = f"`predict`, Keras on {backend}"
        jobs[name] = lambda side, backend=backend: side.predict(backend, *keras)
    jobs["`serve`, ONNX Runtime"] = lambda side: side.serve(*onnx)
    for name, job in jobs.items():
        compare(name, sides, job, arguments.rounds)


if __name__ == "__main__":
    main()
