"""The pictures of one run: loss.png and confusion.png.

Drawn through matplotlib's objects alone; pyplot's global state and windows are never touched.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.evaluation.classification import Metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY, BLUE, ORANGE, GREEN = "#9aa5b1", "#1f5fa8", "#d1660a", "#2a8f4d"
LONGEST_NAME = 28


def plot_loss(history: dict[str, Any], path: str | Path, *, metric: str | None = None) -> None:
    """Draws the training loss of each step, and the validation loss and metric of each epoch.

    Args:
        history: What `History.to_dict()` returns: `losses` (one a step) and `epochs`, dicts with
            `step` (steps done at its end) and the epoch's logs.
        path: The PNG to write.
        metric: The log drawn against the right axis, for example "accuracy"; its validation value
            is `val_` + metric. None takes the first log besides the loss that was validated too.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = figure_and_axes(8.0, 4.6)
    losses, epochs = np.asarray(history["losses"], float), history["epochs"]
    steps = np.arange(1, len(losses) + 1)
    lines = []
    if len(losses) > 30:
        axes.plot(steps, losses, color=GREY, linewidth=0.7, alpha=0.7)
        label, drawn, marker = "training loss (running median)", _running_median(losses), ""
    else:
        label, drawn, marker = "training loss", losses, "."
    lines += axes.plot(steps, drawn, color=BLUE, linewidth=1.6, marker=marker, label=label)
    lines += _epoch_line(axes, epochs, "val_loss", "validation loss", ORANGE)
    axes.set_xlabel("step")
    axes.set_ylabel("loss")
    top = _highest(losses, [epoch["val_loss"] for epoch in epochs if "val_loss" in epoch])
    axes.set_ylim(0, top)
    axes.set_xlim(0, max(len(losses), 1) * 1.02)
    axes.grid(axis="y", color="#e4e7eb")
    for epoch in epochs[:-1] if len(epochs) <= 40 else ():
        axes.axvline(epoch["step"], color="#cbd2d9", linewidth=0.8, linestyle=":")

    metric = metric or _validated_metric(epochs)
    if metric:
        right = axes.twinx()
        label = f"validation {metric.replace('_', ' ')}"
        lines += _epoch_line(right, epochs, f"val_{metric}", label, GREEN)
        right.set_ylabel(label, color=GREEN)
        right.tick_params(axis="y", colors=GREEN)
        right.set_ylim(0, 1.02)
        right.spines["top"].set_visible(False)
    axes.set_title(
        f"{_count(len(losses), 'step')} in {_count(len(epochs), 'epoch')}", loc="left", pad=30
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(
        handles=lines, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=9
    )
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_confusion(metrics: Metrics, path: str | Path) -> None:
    """Draws the confusion matrix: counts, and each row's shares as shades.

    Args:
        metrics: What `evaluate` returned.
        path: The PNG to write.
    """
    names = [shorten(name) for name in metrics["per_class"]]
    counts = np.asarray(metrics["confusion"])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    classes = len(names)
    # Half an inch a class, so that the numbers fit, and room for the longest name on two sides.
    cell = 0.95 if classes <= 6 else 0.55
    margin = 0.085 * max(map(len, names)) + 1.0
    figure, axes = figure_and_axes(
        max(cell * classes + margin + 1.0, 5.0), cell * classes + margin + 0.4
    )
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label("share of the true class")
    bar.outline.set_visible(False)
    axes.set_xticks(range(classes), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(classes), names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(
        f"accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}, "
        f"{metrics['rows']} rows",
        fontsize=11,
    )
    if classes <= 40:  # beyond, numbers would be dust and the shades must do
        _write_cells(axes, counts, shares)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _write_cells(axes: "Axes", counts: np.ndarray, shares: np.ndarray) -> None:
    with_shares = len(counts) <= 24
    size = 10 if len(counts) <= 6 else 8 if len(counts) <= 12 else 7
    for row, column in np.ndindex(*counts.shape):
        if counts[row, column]:
            text = str(counts[row, column])
            if with_shares:
                share = shares[row, column]
                text += f"\n{share:.0%}" if share >= 0.005 else "\n<1%"
            color = "white" if shares[row, column] > 0.55 else "black"
            axes.text(column, row, text, ha="center", va="center", color=color, fontsize=size)


def figure_and_axes(width: float, height: float) -> tuple["Figure", "Axes"]:
    """An empty figure of so many inches, without pyplot, and its axes."""
    from kerasft.evaluation.report_figure import ReportFigure

    figure = ReportFigure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _epoch_line(axes: "Axes", epochs: Sequence[dict], key: str, label: str, color: str) -> list:
    points = [(epoch["step"], epoch[key]) for epoch in epochs if key in epoch]
    if not points:
        return []
    steps, values = zip(*points, strict=True)
    return axes.plot(
        steps, values, color=color, marker="o", markersize=5, linewidth=1.6, label=label
    )


def _validated_metric(epochs: Sequence[dict]) -> str | None:
    first = epochs[0] if epochs else {}
    return next((key for key in first if key != "loss" and f"val_{key}" in first), None)


def _running_median(losses: np.ndarray) -> np.ndarray:
    """The median over a window around each step, shorter at both ends; spikes do not bend it."""
    half = max(len(losses) // 60, 2)
    return np.array(
        [np.median(losses[max(i - half, 0) : i + half + 1]) for i in range(len(losses))]
    )


def _highest(losses: np.ndarray, validation: Sequence[float]) -> float:
    """The top of the axis: a lone spike (beyond the 99.5th percentile) may leave the picture."""
    values = [float(np.quantile(losses, 0.995))] if len(losses) else []
    return max([*values, *validation, 1e-6]) * 1.08


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shorten(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as a picture can hold it: not longer than `longest`, nothing taken for a formula."""
    # "$" would start matplotlib's mathematics.
    return (name if len(name) <= longest else name[: longest - 1] + "…").replace("$", r"\$")
