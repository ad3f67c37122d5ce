"""The pictures of a run that finds entities: F1 of each type, and what was taken for what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.evaluation.plots import (
    BLUE,
    GREY,
    MOST_CLASSES,
    ORANGE,
    draw_confusion,
    figure_and_axes,
    shorten,
)


def plot_entity_scores(results: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Draws the F1 of each type (of the 40 most frequent ones) and of all, a bar a method.

    Args:
        results: What `evaluate_entities` returned for each method, by its name; the first is drawn
            in color, at most three are drawn.
    """
    shown = list(results.items())[:3]
    supports = {
        name: score["support"] for _, result in shown for name, score in result["per_type"].items()
    }
    # The most frequent types: of very many, nobody reads the bars of all.
    frequent = sorted(supports, key=lambda name: (-supports[name], name))[:MOST_CLASSES]
    left_out = len(supports) - len(frequent)
    names = [*frequent, "all (micro)"]
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
    axes.set_ylim(len(names) - 0.4, -0.6)  # the most frequent on top
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.linspace(0, 1, 6))
    rest = f"; {left_out:,} rarer types left out" if left_out else ""
    axes.set_xlabel(f"F1 (in brackets: entities in the test sentences{rest})")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(shown), frameon=False, fontsize=9
    )
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_entity_confusion(metrics: Mapping[str, Any], path: str | Path) -> None:
    """Draws which type was taken for which: counts, and each row's shares as shades.

    Of more than 40 types the 39 that are most often confused are drawn, and all others as one.

    Args:
        metrics: What `evaluate_entities` returned.
    """
    names = list(metrics["confusion"])
    number = {name: index for index, name in enumerate(names)}
    cells = [
        (number[true], number[found], count)
        for true, row in metrics["confusion"].items()
        for found, count in row.items()
        if count
    ]
    title = f"entities of equal tokens; F1 {metrics['f1']:.3f}, {metrics['sentences']} sentences"
    draw_confusion(np.array(cells, int).reshape(-1, 3), names, "type", title, path)
