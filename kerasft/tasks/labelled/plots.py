"""Pictures of a run's rows: classes before and after the steps, lengths of texts."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerasft.evaluation.plots import BLUE, GREY, ORANGE, figure_and_axes, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More bars than these would be hairlines; the rest becomes one bar.
MOST_BARS = 30
# Names of real products have 80 characters: two lines of so many hold them.
LINE = 42


def plot_classes(before: Mapping[str, int], after: Mapping[str, int], path: str | Path) -> None:
    """Draws the rows of each class as read, and as they are after merging and dropping.

    Args:
        before: Rows of each class as read.
        after: Rows of each class that is left.

    Raises:
        ValueError: One of them is empty.
    """
    if not (before and after):
        raise ValueError("there is no class to draw")
    panels = [("as read", before, GREY), ("after the data steps", after, BLUE)]
    bars = [_largest(counts) for _, counts, _ in panels]
    # One scale for both, so that bars can be compared across them.
    top = max(max(counts.values()) for counts in bars)
    # One above the other, since names side by side would leave no room for the bars.
    heights = [len(counts) + 1.2 for counts in bars]
    figure, axes = figure_and_axes(9.0, 0.34 * sum(heights))
    figure.delaxes(axes)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    for row, (title, counts, color) in enumerate(panels):
        total = sum(counts.values())
        axes = figure.add_subplot(grid[row])
        _draw_bars(axes, bars[row], total, top, color)
        axes.set_title(f"{title}: {total:,} rows in {len(counts)} classes", loc="left")
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_text_lengths(
    lengths: Sequence[int] | np.ndarray, max_length: int, path: str | Path
) -> None:
    """Draws how long the texts are, where they are cut, and how many are longer.

    Args:
        lengths: (texts,) tokens of each text without the cut, special tokens included.
        max_length: Tokens that texts are cut at.

    Raises:
        ValueError: There are no texts.
    """
    from matplotlib.ticker import MaxNLocator

    lengths = np.asarray(lengths)
    if not len(lengths):
        raise ValueError("there is no text to draw")
    # A few giants would squeeze all others into the first bars: they share the last one.
    end = max(int(np.quantile(lengths, 0.99)), int(max_length * 1.15), 8)
    width = max(1, end // 48)
    # One edge lies where the cut is.
    start = (max_length + 1) % width
    edges = np.arange(start - width if start else 0, end + 2 * width, width)
    beyond = float((lengths > max_length).mean())
    figure, axes = figure_and_axes(8.0, 4.2)
    axes.hist(
        np.minimum(lengths, edges[-1] - 1), bins=edges.tolist(), color=BLUE, edgecolor="white"
    )
    for bar in axes.patches:
        if bar.get_x() > max_length:  # type: ignore[attr-defined]
            bar.set_facecolor(ORANGE)
    axes.axvline(max_length + 1, color=ORANGE, linewidth=1.6)
    axes.annotate(
        f"max_length {max_length}: {beyond:.1%} are longer",
        (max_length + 1, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(-6 if max_length > end / 2 else 6, -4),
        textcoords="offset points",
        ha="right" if max_length > end / 2 else "left",
        va="top",
        color=ORANGE,
    )
    longest = int(lengths.max())
    longer = int((lengths >= edges[-1]).sum())
    note = f" (last bar: {longer} texts of up to {longest:,})" if longer else ""
    axes.set_title(
        f"{len(lengths):,} texts, median {np.median(lengths):.0f} tokens, longest {longest:,}",
        loc="left",
    )
    axes.set_xlabel(f"tokens of a text{note}")
    axes.set_ylabel("texts")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlim(0, edges[-1])
    axes.set_ylim(0, axes.get_ylim()[1] * 1.08)  # room for the words at the line
    axes.grid(axis="y", color="#e4e7eb")
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    """The classes by size, the largest first; the smallest of very many as one."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ordered) <= MOST_BARS:
        return dict(ordered)
    rest = ordered[MOST_BARS - 1 :]
    kept = dict(ordered[: MOST_BARS - 1])
    return {**kept, f"{len(rest)} more classes": sum(count for _, count in rest)}


def _draw_bars(axes: Axes, counts: Mapping[str, int], total: int, top: int, color: str) -> None:
    places = range(len(counts))
    values = list(counts.values())
    axes.barh(places, values, color=color, height=0.72)
    names = [textwrap.fill(shorten(name, 2 * LINE), LINE, max_lines=2) for name in counts]
    axes.set_yticks(places, names, fontsize=9)
    axes.set_ylim(len(counts) - 0.4, -0.6)  # the largest on top
    for place, value in zip(places, values, strict=True):
        share = value / total if total else 0
        text = f" {value:,} ({share:.1%})" if share >= 0.001 else f" {value:,}"
        axes.text(value, place, text, va="center", fontsize=9)
    axes.set_xlim(0, top * 1.16)
    axes.xaxis.set_visible(False)  # the numbers stand at the bars
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
