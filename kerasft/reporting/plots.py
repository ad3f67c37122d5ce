"""The pictures of a comparison: scores, calibration, time and size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasft.evaluation.confidence_plots import GRID, INK, draw_reliability
from kerasft.evaluation.plots import (
    BLUE,
    GREEN,
    MOST_CLASSES,
    ORANGE,
    figure_and_axes,
    shorten,
)
from kerasft.evaluation.significance import Interval
from kerasft.reporting.comparison import Comparison
from kerasft.reporting.published import PUBLISHED
from kerasft.reporting.words import milliseconds, parameters

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

PURPLE, RED, TEAL, SLATE = "#7a4fb5", "#b3263a", "#17858b", "#7b8794"
OTHERS = "#cbd2d9"
MODELS, BASELINE = (BLUE, ORANGE, GREEN, PURPLE, RED, TEAL), SLATE
WIDTH = 8.6
# Names that would lie on each other move up or down by so many points, and so often at most.
STEP_ASIDE, STEPS_ASIDE = 7, 40


def colors(comparison: Comparison) -> dict[str, str]:
    """The color of each candidate, the same in all pictures; baselines are grey."""
    found: dict[str, str] = {}
    models = 0
    for name, scored in comparison.scored.items():
        if scored.candidate.is_baseline:
            found[name] = BASELINE
        else:
            found[name] = MODELS[models % len(MODELS)]
            models += 1
    return found


def plot_overall_scores(comparison: Comparison, path: str | Path) -> None:
    """Draws accuracy and macro-F1 of each candidate with their 95 % intervals.

    Args:
        comparison: What `compare` returned.
    """
    names, tones = list(comparison.scored), colors(comparison)
    figure, axes = figure_and_axes(WIDTH, 0.75 * len(names) + 1.3)
    for row, (name, scored) in enumerate(comparison.scored.items()):
        pairs = ((-0.17, scored.macro["macro_f1"], "o"), (0.17, scored.accuracy, "s"))
        for shift, found, marker in pairs:
            _interval(axes, row + shift, found, tones[name], marker)
            axes.annotate(
                f"{found.value:.3f}", (found.high, row + shift), (6, 0), va="center",
                textcoords="offset points", fontsize=9, color=INK,
            )  # fmt: skip
    _rows(axes, [shorten(name, 40) for name in names])
    marks = [
        axes.plot([], [], color=INK, marker=marker, linestyle="", label=label)[0]
        for marker, label in (("o", "macro-F1"), ("s", "accuracy"))
    ]
    _legend(axes, marks)
    drawn = [f for s in comparison.scored.values() for f in (s.accuracy, s.macro["macro_f1"])]
    low, high = min(f.low for f in drawn), max(f.high for f in drawn)
    room = 0.12 * max(high - low, 0.02)
    low, high = low - room, high + 2 * room  # on the right, the numbers
    axes.set_xlim(low, high)
    axes.set_xticks([tick for tick in axes.get_xticks() if max(0.0, low) <= tick <= 1.001])
    axes.set_xlabel(f"score on {comparison.rows:,} test rows, 95 % interval")
    _save(figure, path)


def plot_class_scores(comparison: Comparison, path: str | Path) -> None:
    """Draws the F1 of each class for each candidate, with their 95 % intervals.

    Of more than 40 classes those are drawn in which the candidates differ most.

    Args:
        comparison: What `compare` returned.
    """
    tones, number = colors(comparison), len(comparison.scored)
    labels = comparison.telling_classes(MOST_CLASSES)
    height = len(labels) * max(0.24 * number + 0.16, 0.5)
    figure, axes = figure_and_axes(WIDTH, min(height, 60.0) + 1.4)
    marks = []
    for index, (name, scored) in enumerate(comparison.scored.items()):
        shift = (index - (number - 1) / 2) * 0.8 / number
        for row, label in enumerate(labels):
            _interval(axes, row + shift, scored.per_class[label]["f1"], tones[name], "o")
        marks += axes.plot([], [], color=tones[name], marker="o", label=shorten(name, 40))
    _rows(axes, [f"{shorten(label)} ({comparison.support(label):,})" for label in labels])
    for row in range(1, len(labels)):
        axes.axhline(row - 0.5, color=GRID, linewidth=0.8)
    _legend(axes, marks)
    found = [s.per_class[label]["f1"] for s in comparison.scored.values() for label in labels]
    low = min(f.low for f in found) - 0.02
    axes.set_xlim(low, 1.02)
    axes.set_xticks([tick for tick in axes.get_xticks() if max(0.0, low) <= tick <= 1.001])
    of_all = len(comparison.classes)
    which = "" if len(labels) == of_all else f"; the {len(labels)} that differ most of {of_all:,}"
    axes.set_xlabel(f"F1, 95 % interval (test rows of the class in brackets){which}")
    _save(figure, path)


def plot_reliability(comparison: Comparison, path: str | Path) -> None:
    """Draws how often each candidate is right at each confidence; see `draw_reliability`.

    Args:
        comparison: What `compare` returned.
    """
    from kerasft.evaluation.report_figure import ReportFigure

    tones, number = colors(comparison), len(comparison.scored)
    columns = min(number, 3)
    lines = ceil(number / columns)
    size = (max(3.1 * columns, 5.0), 3.4 * lines)
    figure = ReportFigure(figsize=size, layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes in grid.flat[number:]:
        axes.set_axis_off()
    for axes, (name, scored) in zip(grid.flat, comparison.scored.items(), strict=False):
        draw_reliability(axes, scored.calibration, shorten(name), tones[name])
    _save(figure, path)


@dataclass(frozen=True)
class Mark:
    """A point of `plot_against`.

    Attributes:
        label: What stands beside it.
        x: What it costs, above 0.
        score: How good it is.
        color: Of the point.
    """

    label: str
    x: float
    score: Interval
    color: str


def plot_tradeoff(comparison: Comparison, path: str | Path) -> None:
    """Draws macro-F1 against the time for a single text.

    Args:
        comparison: What `compare` returned.
    """
    tones = colors(comparison)
    times = {
        name: scored.candidate.costs.latency[1].median
        for name, scored in comparison.scored.items()
        if 1 in scored.candidate.costs.latency
    }
    marks = [
        Mark(
            f"{shorten(name, 40)}\n{milliseconds(took)}",
            took,
            comparison.scored[name].macro["macro_f1"],
            tones[name],
        )
        for name, took in times.items()
    ]
    plot_against("milliseconds for a single text (logarithmic)", marks, path)


def plot_against(
    x_label: str,
    marks: Sequence[Mark],
    path: str | Path,
    legend: Mapping[str, str] | None = None,
    score: str = "macro-F1",
) -> None:
    """Draws a score against a cost on a logarithmic axis.

    Args:
        x_label: What the cost is.
        marks: The points.
        legend: What each color means.
        score: What is drawn.
    """
    from matplotlib.ticker import LogLocator, NullLocator

    figure, axes = figure_and_axes(WIDTH, 4.2 if len(marks) < 7 else 5.4)
    least, most = (end((mark.x for mark in marks), default=1.0) for end in (min, max))
    for mark in marks:
        axes.errorbar(
            mark.x, mark.score.value, yerr=_arms(mark.score), color=mark.color, marker="o",
            markersize=8, capsize=3, linewidth=1.4,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if most < 1000 * least else (1,)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlim(least / 2, most * 2)
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{value:,g}" if value < 1e6 else parameters(value)
    )
    axes.set_xlabel(x_label)
    axes.set_ylabel(f"{score}, 95 % interval")
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    if legend:
        _legend(
            axes,
            [
                axes.plot([], [], color=color, marker="o", linestyle="", label=label)[0]
                for label, color in legend.items()
            ],
        )
    figure.draw_without_rendering()  # from now on everything has its place
    points = [(mark.x, mark.score.value) for mark in marks]
    taken = [_around(axes, point) for point in points]
    taken += [_bar(axes, mark) for mark in marks]
    for mark, point in zip(marks, points, strict=True):
        to_left = mark.x > np.sqrt(least * most)
        taken.append(_name_point(axes, mark.label, point, taken, to_left=to_left))
    _save(figure, path)


def plot_sizes(comparison: Comparison, path: str | Path) -> None:
    """Draws parameters on a logarithmic axis: those compared, and those published.

    Args:
        comparison: What `compare` returned.
    """
    from matplotlib.ticker import NullLocator

    tones = colors(comparison)
    sizes = {n: scored.candidate.costs.parameters for n, scored in comparison.scored.items()}
    bars = [
        (shorten(name, 40), number, tones[name])
        for name, number in sizes.items()
        if number is not None
    ]
    bars.sort(key=lambda bar: bar[1])
    bars += [(f"{p.name} ({p.authors})", p.parameters, OTHERS) for p in PUBLISHED]
    figure, axes = figure_and_axes(WIDTH, 0.38 * len(bars) + 1.2)
    rows = range(len(bars))
    numbers = [max(number, 1.0) for _, number, _ in bars]
    axes.barh(rows, numbers, color=[color for *_, color in bars], height=0.66)
    for row, number in zip(rows, numbers, strict=True):
        axes.annotate(
            parameters(number), (number, row), (5, 0), textcoords="offset points", va="center",
            fontsize=9, color=INK,
        )  # fmt: skip
    axes.set_yticks(rows, [name for name, *_ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)  # the smallest on top
    axes.tick_params(axis="y", length=0)
    axes.set_xscale("log")
    axes.set_xlim(10.0 ** min(3, len(str(int(min(numbers)))) - 2), 2e13)
    axes.set_xlabel("parameters (logarithmic: each grid line is 10 times the one before)")
    axes.set_xticks([10**power for power in range(3, 14)])
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{value / 1000:.0f}k" if 1000 <= value < 1e6 else parameters(value)
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)
    _save(figure, path)


def _around(axes: Axes, point: tuple[float, float]) -> Bbox:
    """The pixels of a point's marker."""
    from matplotlib.transforms import Bbox

    x, y = axes.transData.transform(point)
    return Bbox.from_bounds(x, y, 0, 0).padded(5)


def _bar(axes: Axes, mark: Mark) -> Bbox:
    """The pixels of a point's interval."""
    from matplotlib.transforms import Bbox

    ends = axes.transData.transform([(mark.x, mark.score.low), (mark.x, mark.score.high)])
    return Bbox(ends).padded(2)


def _name_point(
    axes: Axes, words: str, point: tuple[float, float], taken: list[Bbox], *, to_left: bool
) -> Bbox:
    """Writes a name beside its point, as near as what is taken leaves room; returns its pixels."""
    from matplotlib.text import Text

    name = axes.annotate(
        words, point, (0, 0), textcoords="offset points", va="center", fontsize=9, color=INK,
        arrowprops={"arrowstyle": "-", "color": SLATE, "linewidth": 0.7, "shrinkB": 5},
    )  # fmt: skip

    def put(left: bool, shift: float) -> Bbox:
        name.set_horizontalalignment("right" if left else "left")
        name.xyann = (-12 if left else 12, shift)
        name.get_window_extent()  # moves the text; would count the line to the point as well
        return Text.get_window_extent(name)

    # At the point's height, a bit above, a bit below, further above, ... but inside the axes.
    shifts = [STEP_ASIDE * step * sign for step in range(STEPS_ASIDE) for sign in (1, -1)]
    for shift, left in product(shifts, (to_left, not to_left)):
        place = put(left, shift)
        inside = axes.bbox.count_contains(place.corners()) == 4
        if inside and not any(place.overlaps(other) for other in taken):
            return place
    return put(to_left, 0)  # a picture of so many that there is no room


def _interval(axes: Axes, row: float, found: Interval, color: str, marker: str) -> None:
    axes.errorbar(
        found.value, row, xerr=_arms(found), color=color, marker=marker, markersize=6,
        capsize=2.5, linewidth=1.5,
    )  # fmt: skip


def _arms(found: Interval) -> np.ndarray:
    """How far an interval reaches to either side: (2, 1), 0 or more."""
    arms = np.array([[found.value - found.low], [found.high - found.value]])
    return np.maximum(arms, 0)


def _rows(axes: Axes, names: list[str]) -> None:
    """One row a name; what `shorten` has made of it is not to be shortened again."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first on top
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)


def _legend(axes: Axes, marks: list) -> None:
    axes.legend(
        handles=marks, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=9
    )


def _save(figure: Figure, path: str | Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
