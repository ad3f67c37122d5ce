"""What the report of several labels shows: how well each is found."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerasft.evaluation.label_scores import Metrics
from kerasft.evaluation.plots import BLUE, GREY, ORANGE, figure_and_axes, shorten

MOST_LABELS = 30


def plot_labels(metrics: Metrics, baseline: Metrics | None, path: str | Path) -> None:
    """Draws precision, recall and F1 of each label, and the F1 of the baseline.

    Of more than 30 labels, the most frequent are drawn.

    Args:
        metrics: What `LabelsScoring.evaluate` returned.
        baseline: The same of the baseline, if there is one.
    """
    by_rows = sorted(metrics["per_class"].items(), key=lambda item: (-item[1]["support"], item[0]))
    shown = by_rows[:MOST_LABELS]
    figure, axes = figure_and_axes(8.5, 1.3 + 0.42 * len(shown))
    places = np.arange(len(shown))
    precision, recall, f1 = (
        np.array([scores[key] for _, scores in shown]) for key in ("precision", "recall", "f1")
    )
    axes.barh(places, f1, height=0.62, color=BLUE, alpha=0.85, label="F1")
    axes.plot(precision, places, ">", color=ORANGE, markersize=6, label="precision")
    axes.plot(recall, places, "o", color="#2a8f4d", markersize=6, label="recall")
    if baseline is not None:
        simple = [baseline["per_class"][name]["f1"] for name, _ in shown]
        axes.plot(
            simple, places, "|", color=GREY, markersize=17, markeredgewidth=3, label="F1 of TF-IDF"
        )
    axes.set_yticks(places, [f"{shorten(name)} ({scores['support']})" for name, scores in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("score on the test rows (in brackets: rows that have the label)")
    axes.grid(axis="x", color="#e4e7eb")
    axes.set_axisbelow(True)
    more = f", the {len(shown)} most frequent of {len(by_rows)} labels" * (
        len(by_rows) > len(shown)
    )
    axes.set_title(
        f"micro F1 {metrics['micro_f1']:.3f}, macro F1 {metrics['macro_f1']:.3f}, "
        f"{metrics['rows']} rows{more}",
        loc="left",
        pad=28,
        fontsize=11,
    )
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=4, frameon=False, fontsize=9)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
