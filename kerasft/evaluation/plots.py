"""The pictures of one run: loss.png and confusion.png.

Drawn through matplotlib's objects alone; pyplot's global state and windows are never touched.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft import storage
from kerasft.evaluation.label_scores import Metrics, confusion_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY, BLUE, ORANGE, GREEN = "#9aa5b1", "#1f5fa8", "#d1660a", "#2a8f4d"
LONGEST_NAME = 28
# Beyond, a picture of all would take memory by the square, and show nothing.
MOST_CLASSES = 40
WITH_SHARES = 24  # classes, at most, whose cells say a share below the count


def plot_loss(history: dict[str, Any], path: str | Path, *, metric: str | None = None) -> None:
    """Draws the training loss of each step, and the validation loss and metric of each epoch.

    Args:
        history: What `History.to_dict()` returns: `losses` (one per step) and `epochs`, dicts with
            `step` (steps done at its end) and the epoch's logs.
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
    axes.set_ylim(*_range(drawn, [epoch["val_loss"] for epoch in epochs if "val_loss" in epoch]))
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
        right.set_ylim(*_range(np.array([epoch[f"val_{metric}"] for epoch in epochs]), []))
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

    Of more than 40 classes the 39 that are most often confused are drawn, and all others as one.

    Args:
        metrics: What `evaluate` returned.
    """
    title = (
        f"accuracy {metrics['accuracy']:.3f}, macro F1 {metrics['macro_f1']:.3f}, "
        f"{metrics['rows']} rows"
    )
    draw_confusion(confusion_cells(metrics), list(metrics["per_class"]), "class", title, path)


def draw_confusion(
    cells: np.ndarray, names: Sequence[str], kind: str, title: str, path: str | Path
) -> None:
    """Draws a confusion matrix of bounded size.

    Args:
        cells: (cells, 3) integers: the true one, the predicted one, how often; each pair once.
        names: The names, by these numbers.
        kind: What they are names of: "class".
        title: What stands above; of many names, the title says which are drawn.
    """
    true, predicted, rows = cells.T
    if len(names) > MOST_CLASSES:
        wrong = true != predicted
        confused = np.zeros(len(names))
        for side in (true, predicted):
            confused += np.bincount(side[wrong], rows[wrong], len(names))
        frequent = np.bincount(true, rows, len(names))
        kept = np.sort(np.lexsort((-frequent, -confused))[: MOST_CLASSES - 1])
        place = np.full(len(names), len(kept))
        place[kept] = np.arange(len(kept))
        true, predicted = place[true], place[predicted]
        plural = {"class": "classes"}.get(kind, f"{kind}s")
        others = len(names) - len(kept)
        title += (
            f"\nof {len(names):,} {plural} the {len(kept)} most often confused; the others as one"
        )
        names = [*(names[index] for index in kept), f"{others:,} other {plural}"]
    names = [shorten(name) for name in names]
    size = len(names)
    counts = np.zeros((size, size), int)
    np.add.at(counts, (true, predicted), rows)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    # So much of an inch a class that the numbers fit, and room for the longest name on two sides.
    cell = 0.95 if size <= 6 else 0.55 if size <= WITH_SHARES else 0.4
    margin = 0.085 * max(map(len, names)) + 1.0
    figure, axes = figure_and_axes(max(cell * size + margin + 1.0, 5.0), cell * size + margin + 0.4)
    # Squares, since a picture in the picture would be computed anew at every pixel, in float64.
    edges = np.arange(size + 1) - 0.5
    image = axes.pcolormesh(edges, edges, shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(aspect="equal", ylim=(size - 0.5, -0.5))
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.03)
    bar.set_label(f"share of the true {kind}")
    bar.outline.set_visible(False)
    axes.set_xticks(range(size), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(size), names)
    axes.set_xlabel(f"predicted {kind}")
    axes.set_ylabel(f"true {kind}")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=11)
    _write_cells(axes, counts, shares)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _write_cells(axes: "Axes", counts: np.ndarray, shares: np.ndarray) -> None:
    with_shares = len(counts) <= WITH_SHARES
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


def _range(drawn: np.ndarray, validation: Sequence[float]) -> tuple[float, float]:
    """The ends of the axis, which fits the lines: progress is seen wherever it happens.

    The losses of the first steps, far above all that follow, may leave the picture.
    """
    values = [*np.quantile(drawn, [0, 0.99])] if len(drawn) else []
    low, high = min([*values, *validation, 1e6]), max([*values, *validation, 1e-6])
    room = 0.08 * max(high - min(low, high), 0.02 * high)
    return max(0.0, low - room), high + room


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shorten(name: str, longest: int = LONGEST_NAME) -> str:
    """A name as a picture can hold it: not longer than `longest`, nothing taken for a formula."""
    name = storage.utf8(name)  # a font has no letter for a byte of a path
    # "$" would start matplotlib's mathematics.
    return (name if len(name) <= longest else name[: longest - 1] + "…").replace("$", r"\$")
