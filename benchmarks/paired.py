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
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

BACKENDS = ("torch", "tensorflow", "jax")
# Seconds before each job but the first: the threads of the side that ran before may wait busily for
# more work, as OpenMP's do for 0.2 s unless told otherwise, on the cores that this side needs.
REST = 0.3


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
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, script, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def do(self, job: str) -> dict[str, Any]:
        """Runs a job and waits for it: {"seconds": ..., "peak_mib": ...} and what it returned."""
        assert self.process.stdin and self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.write(job + "\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.errors.seek(0)
            raise SystemExit(f"a worker died at {job!r}: {self.errors.read()[-1000:].strip()}")
        return json.loads(answer)

    def stop(self) -> None:
        """Ends the process."""
        self.process.communicate()
        self.errors.close()


def serve(make_jobs: Callable[[], Mapping[str, Callable[[], object]]]) -> None:
    """A worker: reads a job's name a line, runs it, answers with its seconds and peak memory.

    What a job returns as a dict goes into the answer; "seconds" then are those that it measured.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs = make_jobs()
    for number, line in enumerate(sys.stdin):
        if number:  # a cold start is timed from outside
            time.sleep(REST)
        start = time.perf_counter()
        result = jobs[line.strip()]()
        answer: dict[str, Any] = {"seconds": time.perf_counter() - start, "peak_mib": peak_mib()}
        if isinstance(result, dict):
            answer |= result
        print(json.dumps(answer), file=answers, flush=True)


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


def take_turns(
    turns: Mapping[str, tuple[Worker, str]], rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """Runs jobs of several sides in turn, A B C A B C ...: a first time, then `rounds` times.

    Args:
        turns: Label -> side and job. Unlike in `compare`, each side has jobs of its own.
        rounds: Timed calls of each.

    Returns:
        Label -> 1 + `rounds` answers; the first one's seconds hold the compiling.
    """
    answers: dict[str, list[dict[str, Any]]] = {label: [] for label in turns}
    for _ in range(1 + rounds):
        for label, (side, job) in turns.items():
            answers[label].append(side.do(job))
    return answers


def median(answers: Sequence[Mapping[str, Any]], key: str = "seconds") -> float:
    """Median of what `take_turns` measured, without the first call."""
    return statistics.median(answer[key] for answer in answers[1:])


def ratio(these: Sequence[Mapping[str, Any]], those: Sequence[Mapping[str, Any]]) -> float:
    """Median over the rounds of these seconds / those: above 1, those are faster."""
    pairs = zip(these[1:], those[1:], strict=True)
    return statistics.median(one["seconds"] / other["seconds"] for one, other in pairs)


def first_job(
    script: str, words: Sequence[object], backend: str, job: str
) -> tuple[float, dict[str, Any]]:
    """Starts a side, lets it do one job, stops it: seconds from the command on, and the answer."""
    start = time.perf_counter()
    side = Worker(script, words, backend)
    answer = side.do(job)
    seconds = time.perf_counter() - start
    side.stop()
    return seconds, answer


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
            others), `JOBS` (their names), `UNIT`, `figure(job, seconds)` in that unit. Where the
            others are engines, which compute alike on each backend, so that the first is enough,
            the first side is the peer, its name as `PEER`.
        script: The benchmark's file; `script *words --worker TITLE:SIDE` serves a side.
        words: What its command line says before that.
        backends: A part of the table each.
        rounds: Timed calls of each job.
    """
    names = list(jobs.SIDES)
    columns = ["backend", title]
    columns += [f"{name}: {what}" for what in (jobs.UNIT, "first, s", "MiB") for name in names]
    peer = getattr(jobs, "PEER", None)
    columns += [f"{name} beside {peer}" if peer else f"beside {name}" for name in names[1:]]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for backend in backends[: 1 if peer else None]:
        sides = [Worker(script, [*words, "--worker", f"{title}:{name}"], backend) for name in names]
        for job in jobs.JOBS:
            timings = compare(sides, job, rounds)
            cells = [jobs.figure(job, timing.seconds) for timing in timings]
            cells += [f"{timing.first:.1f}" for timing in timings]
            cells += [f"{timing.mib:.0f}" for timing in timings]
            ratios = [1 / timing.ratio if peer else timing.ratio for timing in timings[1:]]
            cells += [f"{ratio:.2f}x" for ratio in ratios]
            print(f"| {backend} | {job} | {' | '.join(cells)} |", flush=True)
        for side in sides:
            side.stop()


def peak_mib() -> float:
    """Most memory that this process has held at a time so far, MiB."""
    from kerasft import backends

    return (backends.peak_memory() or float("nan")) / 2**20


def machine() -> str:
    """Processor, cores and the versions that matter."""
    from importlib.metadata import version

    backends = ("torch", "tensorflow", "jax")
    peers = ("transformers", "peft", "onnxruntime", "ctranslate2")
    names = ("keras", "keras-hub", *backends, *peers)
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    python = f"Python {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores, {python}; {versions}"


def heading(threads: int, rounds: int) -> str:
    """What stands over a table: machine, versions, threads, rounds and the command."""
    command = " ".join(["python", os.path.relpath(sys.argv[0]), *sys.argv[1:]])
    counts = f"{threads} thread{'s' * (threads != 1)}, {rounds} round{'s' * (rounds != 1)}"
    return f"{machine()}; {counts}\n\n    {command}"


def _processor() -> str:
    """The processor's name, if the system tells it."""
    try:
        with open("/proc/cpuinfo") as lines:
            names = [line.split(":", 1)[1].strip() for line in lines if "model name" in line]
    except OSError:
        names = []
    return f"{names[0]} ({platform.machine()})" if names else platform.machine()
