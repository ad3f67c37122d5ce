"""The pictures of a run that finds entities: F1 of each type, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.evaluation.plots import BLUE, GREY, ORANGE, figure_and_axes, shorten


def plot_entity_scores(results: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Draws the F1 of each type and of all, a bar a method.

    Args:
        results: What `evaluate_entities` returned for each method, by its name; the first is drawn
            in color, at most three are drawn.
        path: The PNG to write.
    """
    shown = list(results.items())[:3]
    supports = {
        name: score["support"] for _, result in shown for name, score in result["per_type"].items()
    }
    names = [*sorted(supports, key=lambda name: (-supports[name], name)), "all (micro)"]
    supports["all (micro)"] = shown[0][1]["entities"]
    figure, axes = figure_and_axes(7.5, 0.3 * len(shown) * len(names) + 1.6)
    height = 0.8 / len(shown)
    for number, ((method, result), color) in enumerate(
        zip(shown, (BLUE, GREY, ORANGE), strict=False)
    ):
        scores = [
            result["f1"] if name == names[-1] else result["per_type"].get(name, {"f1": 0.0})["f1"]
            for name in names
        ]
        places = np.arange(len(names)) + (number - (len(shown) - 1) / 2) * height
        axes.barh(places, scores, height=height * 0.92, color=color, label=shorten(method))
        for place, score in zip(places, scores, strict=True):
            axes.text(score + 0.01, place, f"{score:.2f}", va="center", fontsize=8)
    labels = [f"{shorten(name)} ({supports[name]})" for name in names]
    axes.set_yticks(range(len(names)), labels)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("F1 (in brackets: entities in the test sentences)")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(shown), frameon=False, fontsize=9
    )
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_entity_confusion(metrics: Mapping[str, Any], path: str | Path) -> None:
    """Draws which type was taken for which: counts, and each row's shares as shades.

    Args:
        metrics: What `evaluate_entities` returned.
        path: The PNG to write.
    """
    confusion = metrics["confusion"]
    names = [shorten(name) for name in confusion]
    counts = np.array([list(row.values()) for row in confusion.values()])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(names)
    cell = 0.95 if size <= 7 else 0.55
    margin = 0.085 * max(map(len, names)) + 1.0
    figure, axes = figure_and_axes(max(cell * size + margin + 1.0, 5.0), cell * size + margin + 0.4)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the true type")
    bar.outline.set_visible(False)
    axes.set_xticks(range(size), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), names)
    axes.set_xlabel("found type")
    axes.set_ylabel("true type")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(
        f"entities of equal tokens; F1 {metrics['f1']:.3f}, {metrics['sentences']} sentences",
        fontsize=11,
    )
    for row, column in np.ndindex(size, size):
        if counts[row, column] and size <= 40:
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=color)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
