"""Pictures of how far a classifier's probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasft.evaluation.calibration import Calibration
from kerasft.evaluation.plots import BLUE, GREY, figure_and_axes
from kerasft.evaluation.selective import Selection, coverage_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox

INK, GRID = "#243b53", "#e4e7eb"
# Fewer of the surest rows than this share say little of an accuracy.
LEAST_COVERAGE = 0.05


def draw_reliability(axes: Axes, found: Calibration, title: str, color: str) -> None:
    """Draws how often a classifier is right at each confidence; the diagonal is perfect.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), figure 1.
    """
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    axes.plot(
        [each.confidence for each in found.bins], [each.accuracy for each in found.bins],
        color=color, marker="o", markersize=5, linewidth=1.6,
    )  # fmt: skip
    axes.set_title(f"{title}\nexpected calibration error {found.ece:.3f}", fontsize=9.5, color=INK)
    ticks = np.arange(6) / 5
    axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xticks=ticks, yticks=ticks, aspect="equal")
    axes.set_xlabel("confidence")
    axes.set_ylabel("share that is right")
    axes.grid(color=GRID)
    axes.spines[["top", "right"]].set_visible(False)


def plot_calibration(found: Mapping[str, Calibration], path: str | Path) -> None:
    """Draws the reliability of one classifier, before and after its temperature.

    Args:
        found: Title of each picture -> what it shows.
    """
    from kerasft.evaluation.report_figure import ReportFigure

    figure = ReportFigure(figsize=(3.4 * max(len(found), 2), 3.7), layout="constrained")
    for axes, (title, calibration) in zip(
        np.atleast_1d(figure.subplots(1, len(found))), found.items(), strict=True
    ):
        draw_reliability(axes, calibration, title, BLUE)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_coverage(
    labels: np.ndarray,
    probabilities: np.ndarray,
    marked: Sequence[Selection],
    path: str | Path,
) -> None:
    """Draws the accuracy among the texts that get a label against how many get one.

    Source: Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks" (2017).

    Args:
        labels: (rows,) integers, the true classes.
        probabilities: (rows, classes).
        marked: What is marked, with the threshold beside it.
    """
    coverage, accuracy = coverage_curve(labels, probabilities)
    shown = coverage >= LEAST_COVERAGE
    coverage, accuracy = coverage[shown], accuracy[shown]
    figure, axes = figure_and_axes(7.0, 4.2)
    axes.plot(coverage, accuracy, color=BLUE, linewidth=1.6, drawstyle="steps-post")
    low = float(min(accuracy.min(), *(each.accuracy for each in marked)))
    room = 0.1 * max(1 - low, 0.02)
    for each in marked:
        axes.plot(each.coverage, each.accuracy, color=BLUE, marker="o", markersize=6)
    axes.set(xlim=(0, 1.03), ylim=(low - 2 * room, 1 + room))
    axes.set_yticks([tick for tick in axes.get_yticks() if tick <= 1.0001])
    axes.set_xlabel("share of the test texts that get a label")
    axes.set_ylabel("share of these that is right")
    axes.set_title(
        f"{len(labels):,} test rows; beside the points: --min_confidence", loc="left", fontsize=10
    )
    axes.grid(color=GRID)
    axes.set_axisbelow(True)
    figure.draw_without_rendering()  # the layout, on which depends what overlaps
    taken: list[Bbox] = []
    for each in marked:
        taken.append(_label(axes, each, taken))
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _label(axes: Axes, marked: Selection, taken: Sequence[Bbox]) -> Bbox:
    """Writes a threshold where the falling curve leaves room, off other labels; its place.

    A point that has no such room stays without.
    """
    for right, down in ((-8, -11), (8, 5), (-8, -23), (8, 17), (-8, -35)):
        text = axes.annotate(
            "all" if marked.min_confidence == 0 else f"{marked.min_confidence:g}",
            (marked.coverage, marked.accuracy), (right, down), textcoords="offset points",
            ha="right" if right < 0 else "left", fontsize=8.5, color=INK,
        )  # fmt: skip
        place = text.get_window_extent()
        if not any(place.overlaps(other) for other in taken):
            break
        text.remove()
    return place
