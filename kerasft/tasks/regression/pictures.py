"""What the report of numbers shows: how they are spread, and what was said of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasft.evaluation.label_scores import Metrics
from kerasft.evaluation.plots import BLUE, GREY, ORANGE, figure_and_axes

# Of more different numbers, ranges are counted.
MOST_BARS = 60


def plot_numbers(numbers: Sequence[float], path: str | Path) -> None:
    """Draws distribution of the numbers.

    Args:
        numbers: Of all rows that are left after the data steps.
    """
    values = np.asarray(numbers, float)
    distinct = np.unique(values)
    figure, axes = figure_and_axes(8.0, 3.8)
    if len(distinct) <= MOST_BARS:
        counts = [(values == value).sum() for value in distinct]
        gap = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
        axes.bar(distinct, counts, width=0.8 * gap, color=BLUE)
    else:
        axes.hist(values, bins=30, color=BLUE, edgecolor="white")
    axes.axvline(values.mean(), color=ORANGE, linewidth=1.6)
    axes.set_title(
        f"{len(values):,} rows, mean {values.mean():.3g} (the line), standard deviation "
        f"{values.std():.3g}",
        loc="left",
    )
    axes.set_xlabel("number")
    axes.set_ylabel("rows")
    axes.grid(axis="y", color="#e4e7eb")
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_said(truth: np.ndarray, said: np.ndarray, metrics: Metrics, path: str | Path) -> None:
    """Draws what was said against what is right, a point a row.

    Args:
        truth: (rows,) numbers.
        said: (rows,) numbers.
        metrics: What `NumberScoring.evaluate` returned of them.
    """
    figure, axes = figure_and_axes(6.0, 5.6)
    ends = np.array([min(truth.min(), said.min()), max(truth.max(), said.max())])
    room = 0.04 * max(float(np.ptp(ends)), 1e-9)
    ends = ends + np.array([-room, room])
    axes.plot(ends, ends, color=GREY, linewidth=1.2, linestyle="--")
    # Numbers on a few steps would hide each other: the points are moved a little to the side.
    steps = np.unique(truth)
    jitter = np.zeros(len(truth))
    if 1 < len(steps) <= 25:
        width = 0.25 * np.diff(steps).min()
        jitter = np.random.default_rng(0).uniform(-width, width, len(truth))
    axes.scatter(
        truth + jitter, said, s=16, color=BLUE, alpha=max(0.15, min(0.8, 60 / len(truth))),
        linewidths=0,
    )  # fmt: skip
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_aspect("equal")
    aside = " (moved a little to the side)" if jitter.any() else ""
    axes.set_xlabel(f"true number{aside}")
    axes.set_ylabel("predicted number")
    axes.grid(color="#e4e7eb")
    axes.set_axisbelow(True)
    axes.set_title(
        f"R2 {metrics['r2']:.3f}, Pearson {metrics['pearson']:.3f}, MAE {metrics['mae']:.3g}, "
        f"{metrics['rows']} rows",
        loc="left",
        fontsize=11,
    )
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
