"""Two processes that take turns, A B A B ...: how the benchmarks here compare kerasft with a peer.

A script is its own worker: started again with `--worker SIDE`, it makes the jobs of that side and
hands them to `serve`; the parent asks for them by name through `Worker.do`. What disturbs the
machine disturbs both sides alike, and a ratio of neighbors in time is steadier than its parts.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BACKENDS = ("torch", "tensorflow", "jax")


@dataclass(frozen=True)
class Timing:
    """What one side took for a job.

    Attributes:
        seconds: Median over the rounds.
        ratio: Median of this side / the first side, round by round: above 1, the first is faster.
        first: Seconds of the first call, compiling included.
        mib: Peak memory of the side's process so far, MiB.
    """

    seconds: float
    ratio: float
    first: float
    mib: float


class Worker:
    """A side in a process of its own.

    Args:
        script: The benchmark's file.
        words: What its command line says after the file's name.
        backend: KERAS_BACKEND of the process.
    """

    def __init__(self, script: str, words: Sequence[object], backend: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, script, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def do(self, job: str) -> dict[str, float]:
        """Runs a job and waits for it: {"seconds": ..., "peak_mib": ...}."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("a worker died: run it with --worker by hand to see why")
        return json.loads(answer)

    def stop(self) -> None:
        """Ends the process."""
        self.process.communicate()


def serve(make_jobs: Callable[[], Mapping[str, Callable[[], object]]]) -> None:
    """A worker: reads a job's name a line, runs it, answers with its seconds and peak memory."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs = make_jobs()
    for line in sys.stdin:
        start = time.perf_counter()
        jobs[line.strip()]()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}), file=answers, flush=True)


def compare(sides: Sequence[Worker], job: str, rounds: int, warm_up: int = 1) -> list[Timing]:
    """Runs a job `rounds` times on each side in turn, after a first call and `warm_up` others."""
    first = [side.do(job)["seconds"] for side in sides]
    for _ in range(warm_up):
        for side in sides:
            side.do(job)
    table = [[side.do(job) for side in sides] for _ in range(rounds)]
    return [
        Timing(
            seconds=statistics.median(row[i]["seconds"] for row in table),
            ratio=statistics.median(row[i]["seconds"] / row[0]["seconds"] for row in table),
            first=first[i],
            mib=table[-1][i]["peak_mib"],
        )
        for i in range(len(sides))
    ]


def print_table(
    title: str,
    jobs: Any,
    script: str,
    words: Sequence[object],
    backends: Sequence[str],
    rounds: int,
) -> None:
    """Prints a Markdown table, a line a backend and job.

    Args:
        title: What the jobs are.
        jobs: A module with `SIDES` (name -> what makes its jobs; the first is compared with the
            others), `JOBS` (their names), `UNIT`, and `figure(job, seconds)` in that unit.
        script: The benchmark's file; `script *words --worker TITLE:SIDE` serves a side.
        words: What its command line says before that.
        backends: A part of the table each.
        rounds: Timed calls of each job.
    """
    names = list(jobs.SIDES)
    columns = ["backend", title]
    columns += [f"{name}: {what}" for what in (jobs.UNIT, "first, s", "MiB") for name in names]
    columns += [f"beside {name}" for name in names[1:]]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for backend in backends:
        sides = [Worker(script, [*words, "--worker", f"{title}:{name}"], backend) for name in names]
        for job in jobs.JOBS:
            timings = compare(sides, job, rounds)
            cells = [jobs.figure(job, timing.seconds) for timing in timings]
            cells += [f"{timing.first:.1f}" for timing in timings]
            cells += [f"{timing.mib:.0f}" for timing in timings]
            cells += [f"{timing.ratio:.2f}x" for timing in timings[1:]]
            print(f"| {backend} | {job} | {' | '.join(cells)} |", flush=True)
        for side in sides:
            side.stop()


def peak_mib() -> float:
    """Largest resident size of this process so far, MiB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def machine() -> str:
    """Processor, cores and the versions that matter."""
    from importlib.metadata import version

    names = ("keras", "keras-hub", "torch", "tensorflow", "jax", "transformers", "peft")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    python = f"Python {platform.python_version()}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {python}; {versions}"
