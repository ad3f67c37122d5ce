"""How an epoch, and the cache of frozen layers, grow with rows, lengths and layers.

    python benchmarks/cache_cost.py                                        # torch
    python benchmarks/cache_cost.py --backends torch jax --plot docs/images/cache_cost.png

The model is a BERT of 4 layers, small (`--width 128`, a vocabulary of 30,522) so that 50,000 rows
take minutes; 32 random texts per step, LoRA on query and value of the last layers. Points:

    rows      1,000, 10,000 and 50,000 (`--rows`) of natural lengths, 2 of the 4 layers frozen
    lengths   `--probe` rows of 16, 32, 64 and 128 tokens, 2 of the 4 layers frozen
    layers    `--probe` rows of 64 and of 128 tokens, 1, 2 or 3 of the 4 layers frozen

For each: seconds of an epoch that fills an empty cache and of one from the cache (medians over the
rounds, but one round above 10,000 rows; all is compiled before), the bytes on the disk, and what
`tokens x width x 2` says of them. Then a model of the cost is fitted, each term 0 or more, to the
points that are *not* of natural lengths, and to the smallest that is; what it says of the others,
up to 50 times as large, stands beside what was measured:

    from the cache   a steps + b tokens + whole (c tokens + d tokens length)
    filling          the same + e steps + f tokens + frozen (g tokens + h tokens length)

with `tokens` the positions computed, padding included, `tokens length` the sum over the batches of
positions times the batch's length (what attention takes), `frozen` the frozen layers and `whole`
those above but the last, which computes the first token alone and has its keys and values in b. The
squares of the relative errors are least.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import paired
from paired import BACKENDS

LAYERS, VOCABULARY, BATCH, CLASSES, MAX_LENGTH = 4, 30_522, 32, 3, 128
LENGTHS, FROZEN = (16, 32, 64, 128), (1, 2, 3)
ONCE_ABOVE = 10_000


@dataclass(frozen=True)
class Point:
    """What is measured: rows, their length (0: natural lengths), and how many layers are frozen."""

    rows: int
    length: int
    frozen: int

    @property
    def name(self) -> str:
        """As the jobs are called."""
        return f"{self.rows}/{self.length}/{self.frozen}"


@dataclass(frozen=True)
class Measured:
    """What came of a point.

    Attributes:
        point: The point.
        steps: Batches of an epoch.
        tokens: Positions computed in an epoch, padding included.
        squares: Sum over the batches of positions times the batch's length.
        real: Tokens that are kept: no padding.
        fill: Seconds of an epoch that fills the cache.
        cached: Seconds of an epoch from the cache.
        kept: Bytes on the disk.
        mib: Peak memory of the process so far, MiB.
    """

    point: Point
    steps: int
    tokens: int
    squares: int
    real: int
    fill: float
    cached: float
    kept: int
    mib: float

    def above(self) -> list[float]:
        """What the terms of an epoch from the cache are multiplied with."""
        whole = LAYERS - self.point.frozen - 1
        terms = (self.steps, self.tokens, whole * self.tokens, whole * self.squares)
        return [float(term) for term in terms]

    def below(self) -> list[float]:
        """What the terms that filling adds are multiplied with."""
        frozen = self.point.frozen
        terms = (self.steps, self.tokens, frozen * self.tokens, frozen * self.squares)
        return [float(term) for term in terms]

    def seconds(self, filling: bool) -> float:
        """What was measured."""
        return self.fill if filling else self.cached


def points(rows: Sequence[int], probe: int) -> list[Point]:
    """The points, each once, those of natural lengths last and by size."""
    found = [Point(probe, length, 2) for length in LENGTHS]
    found += [Point(probe, length, frozen) for length in LENGTHS[-2:] for frozen in FROZEN]
    found += [Point(count, 0, 2) for count in sorted(rows)]
    return list(dict.fromkeys(found))


def side(options: argparse.Namespace) -> dict[str, Callable[[], dict[str, Any]]]:
    """A job for each point, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(options.threads)

    from above_backbone import KeptModel, add_lora, natural_lengths, one_of_each, random_batches
    from kerasft.architectures import Classifier
    from kerasft.architectures.encoder import EncoderArguments

    backends.seed_everything(0)
    arguments = EncoderArguments(
        vocab_size=VOCABULARY, num_layers=LAYERS, num_heads=options.width // 32,
        hidden_size=options.width, intermediate_size=4 * options.width, num_segments=2,
        max_length=MAX_LENGTH,
    )  # fmt: skip

    def measure(point: Point) -> dict[str, Any]:
        model = Classifier("bert", arguments, CLASSES)
        add_lora(model, LAYERS - point.frozen)
        fixed = np.full(point.rows, point.length)
        lengths = fixed if point.length else natural_lengths(point.rows)
        batches = random_batches(
            lengths, vocabulary=VOCABULARY, batch_size=BATCH, max_length=MAX_LENGTH
        )
        kept = KeptModel(model, batches)
        kept.take(one_of_each(batches))
        for _ in range(2):
            kept.forget()
            kept.model.fit(kept.train, verbose=0)  # compiles
        kept.take(batches)
        times: dict[str, list[float]] = {"fill": [], "cached": []}
        for _ in range(options.rounds if point.rows <= ONCE_ABOVE else 1):
            kept.forget()
            for found in times.values():
                start = time.perf_counter()
                kept.model.fit(kept.train, verbose=0)
                found.append(time.perf_counter() - start)
        return {
            **{name: statistics.median(found) for name, found in times.items()},
            **_sizes(batches),
            "real": int(lengths.sum()),
            "kept": kept.bytes_kept,
        }

    return {point.name: partial(measure, point) for point in points(options.rows, options.probe)}


def _sizes(batches: Any) -> dict[str, int]:
    from above_backbone import lengths_of

    lengths = np.array(lengths_of(batches))
    return {
        "steps": len(lengths),
        "tokens": int(BATCH * lengths.sum()),
        "squares": int(BATCH * (lengths**2).sum()),
    }


@dataclass(frozen=True)
class Law:
    """The cost model of a backend.

    Attributes:
        above: Coefficients of an epoch from the cache, (4,) seconds.
        below: Coefficients of what filling adds, (4,) seconds.
    """

    above: np.ndarray
    below: np.ndarray

    def seconds(self, one: Measured, filling: bool) -> float:
        """What it says of an epoch."""
        said = float(self.above @ one.above())
        return said + float(self.below @ one.below()) if filling else said


def fit(measured: Sequence[Measured]) -> Law:
    """Fits the coefficients, each 0 or more: first those from the cache, then what filling adds."""
    above = _least_squares(
        [one.above() for one in measured],
        [one.cached for one in measured],
        [one.cached for one in measured],
    )
    below = _least_squares(
        [one.below() for one in measured],
        [one.fill - float(above @ one.above()) for one in measured],
        [one.fill for one in measured],
    )
    return Law(above, below)


def _least_squares(
    terms: Sequence[Sequence[float]], seconds: Sequence[float], scale: Sequence[float]
) -> np.ndarray:
    """Coefficients of 0 or more with the least squares of errors / scale."""
    from scipy.optimize import nnls

    table, weights = np.array(terms), 1 / np.array(scale)
    largest = table.max(axis=0)  # so that the coefficients are of one size
    found, _ = nnls(table / largest * weights[:, None], np.array(seconds) * weights)
    return found / largest


def fitted_on(measured: Sequence[Measured]) -> list[Measured]:
    """The points that the cost model sees: those of one length, and the fewest natural rows."""
    natural = [one for one in measured if not one.point.length]
    return [one for one in measured if one.point.length] + natural[:1]


def print_backend(backend: str, measured: Sequence[Measured], width: int) -> None:
    """Prints the lines of a backend, then its cost model."""
    seen = fitted_on(measured)
    law = fit(seen)
    for one in measured:
        cells = [backend, f"{one.point.rows:,}", one.point.length or "natural", one.point.frozen]
        for filling in (True, False):
            said = law.seconds(one, filling)
            off = said / one.seconds(filling) - 1
            cells += [f"{one.seconds(filling):.2f}", f"{said:.2f} ({off:+.0%})"]
        kept = one.real * width * 2
        cells += [f"{one.kept / 1e6:.1f}", f"{one.kept / kept - 1:+.2%}", f"{one.mib:.0f}"]
        cells.append("yes" if one in seen else "no")
        print(f"| {' | '.join(map(str, cells))} |", flush=True)
    print(f"\n{backend}, fitted to {len(seen)} points; microseconds:\n")
    values = zip("abcdefgh", [*law.above * 1e6, *law.below * 1e6], strict=True)
    print("    " + ", ".join(f"{letter} = {value:.3g}" for letter, value in values))


def plot(found: dict[str, list[Measured]], path: Path, title: str) -> None:
    """Draws what the cost model says against what was measured; hollow: it had not seen these."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    from kerasft.evaluation.plots import BLUE, GREY, ORANGE
    from kerasft.evaluation.report_figure import ReportFigure

    figure = ReportFigure(figsize=(4.4 * len(found) + 0.6, 4.8), layout="constrained")
    for axes, (backend, measured) in zip(
        figure.subplots(1, len(found), squeeze=False)[0], found.items(), strict=True
    ):
        seen = fitted_on(measured)
        law = fit(seen)
        everything: list[float] = []
        for filling, color, name in ((True, ORANGE, "filling"), (False, BLUE, "from the cache")):
            for group, face, what in (
                (seen, color, "fitted"),
                ([one for one in measured if one not in seen], "none", "predicted"),
            ):
                took = [one.seconds(filling) for one in group]
                said = [law.seconds(one, filling) for one in group]
                everything += took + said
                axes.scatter(took, said, facecolors=face, edgecolors=color, label=f"{name}, {what}")
        ends = [min(everything) / 1.3, max(everything) * 1.3]
        axes.plot(ends, ends, color=GREY, linewidth=0.8, zorder=0)
        axes.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(10, subs=(1, 3)))
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_locator(NullLocator())
        axes.set_xlabel("an epoch as measured, s")
        axes.set_ylabel("the cost model, s")
        axes.set_title(backend, loc="left")
        axes.legend(loc="upper left", frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(title, fontsize=7)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def measure_all(backend: str, words: Sequence[object], wanted: Sequence[Point]) -> list[Measured]:
    """Measures the points on a backend."""
    worker = paired.Worker(__file__, [*words, "--worker"], backend)
    measured = []
    for point in wanted:
        answer = worker.do(point.name)
        answer["mib"] = answer.pop("peak_mib")
        del answer["seconds"]
        measured.append(Measured(point, **answer))
    worker.stop()
    return measured


def main() -> None:
    """Runs the measurements, prints Markdown tables, and draws if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--probe", type=int, default=1_000, help="rows of the other points")
    parser.add_argument("--width", type=int, default=128, help="a multiple of 32 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=("torch",), choices=BACKENDS)
    parser.add_argument("--plot", type=Path, help="the PNG to write")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return paired.serve(lambda: side(arguments))
    if min(*arguments.rows, arguments.probe, arguments.rounds) < 1 or arguments.width % 32:
        parser.error("--rows, --probe and --rounds must be 1 or more, --width a multiple of 32")

    print(paired.heading(arguments.threads, arguments.rounds))
    words: list[object] = ["--rows", *arguments.rows]
    for option in ("probe", "width", "rounds", "threads"):
        words += [f"--{option}", getattr(arguments, option)]
    columns = [
        "backend", "rows", "tokens per row", "frozen layers", "filling, s", "model",
        "from the cache, s", "model", "MB on disk", "beside tokens x width x 2", "peak MiB",
        "fitted",
    ]  # fmt: skip
    found: dict[str, list[Measured]] = {}
    for backend in arguments.backends:
        found[backend] = measure_all(backend, words, points(arguments.rows, arguments.probe))
        print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        print_backend(backend, found[backend], arguments.width)
    if arguments.plot:
        title = f"BERT of {LAYERS} layers, width {arguments.width}; threads: {arguments.threads}"
        plot(found, arguments.plot, title)


if __name__ == "__main__":
    main()
