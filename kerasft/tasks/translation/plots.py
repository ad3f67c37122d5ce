"""The pictures of a translator: where it looked, how long sentences are, how it is built.

Drawn through matplotlib's objects alone, as in `kerasft.evaluation.plots`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.errors import DataError
from kerasft.evaluation.plots import BLUE, GREEN, GREY, ORANGE, figure_and_axes, shorten

LONGEST_TOKEN = 18
MOST_TOKENS = 60  # of either side, so that the picture is of a size that can be seen


def plot_attention(
    scores: np.ndarray,
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    path: str | Path,
) -> None:
    """Draws which source tokens were looked at when each target token was said.

    Of more than 60 tokens the first are drawn.

    Args:
        scores: (t, s), each row sums to 1.
        source_tokens: (s,) tokens that were read.
        target_tokens: (t,) tokens that were said.

    Raises:
        DataError: The scores have another shape than the tokens.
    """
    scores = np.asarray(scores, float)
    if scores.shape != (len(target_tokens), len(source_tokens)):
        raise DataError(
            f"scores of shape {scores.shape} do not fit {len(target_tokens)} target tokens and "
            f"{len(source_tokens)} source tokens"
        )
    scores = scores[:MOST_TOKENS, :MOST_TOKENS]
    rows, columns = scores.shape
    sources, targets = (
        [shorten(token, LONGEST_TOKEN) for token in tokens[:MOST_TOKENS]]
        for tokens in (source_tokens, target_tokens)
    )
    width = max(0.45 * columns + 0.11 * max(map(len, targets)) + 1.6, 4.5)
    height = max(0.45 * rows + 0.09 * max(map(len, sources)) + 1.0, 3.0)
    figure, axes = figure_and_axes(width, height)
    image = axes.imshow(scores, cmap="Blues", vmin=0, vmax=max(float(scores.max()), 1e-6))
    beside = axes.inset_axes((1 + 0.35 / columns, 0, 0.3 / columns, 1))  # as high as the map
    bar = figure.colorbar(image, cax=beside)
    bar.set_label("share of attention")
    bar.outline.set_visible(False)
    axes.set_xticks(range(columns), sources, rotation=45, ha="left", rotation_mode="anchor")
    axes.set_yticks(range(rows), targets)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("source")
    axes.set_ylabel("said")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_lengths(
    lengths: Mapping[str, Sequence[int] | np.ndarray],
    path: str | Path,
    *,
    seq_len: int | None = None,
    label_x: str = "tokens",
) -> None:
    """Draws how many sentences have how many tokens, a line of bars a language.

    Args:
        lengths: Language -> tokens of each sentence.
        seq_len: The most tokens that the model reads: longer sentences were dropped or cut.
        label_x: What the tokens are.
    """
    from matplotlib.ticker import MaxNLocator

    arrays = {language: np.asarray(counts, int) for language, counts in lengths.items()}
    longest = max((int(counts.max()) for counts in arrays.values() if len(counts)), default=1)
    step = max(-(-longest // 60), 1)  # at most about 60 bars
    # Of the bars' edges one lies at the limit, so that no bar stands on both sides of it.
    start = 0 if seq_len is None else (seq_len + 1) % step
    edges = np.arange(start - step if start else 0, longest + step + 1, step)
    figure, axes = figure_and_axes(8.0, 4.2)
    drawn: list[Any] = []
    bar = 0.84 * step / max(len(arrays), 1)
    for i, (language, counts) in enumerate(arrays.items()):
        bars, _ = np.histogram(counts, edges)
        mean = f"{counts.mean():.1f}" if len(counts) else "-"
        left = edges[:-1] + (i - (len(arrays) - 1) / 2) * bar + (step - 1) / 2
        label = f"{shorten(language)} (mean {mean}, longest {counts.max(initial=0)})"
        drawn.append(axes.bar(left, bars, bar, color=(BLUE, ORANGE, GREEN)[i % 3], label=label))
    if seq_len is not None and seq_len <= 1.5 * longest:
        label = f"limit {seq_len}"
        drawn.append(axes.axvline(seq_len + 0.5, color=GREY, linestyle="--", label=label))
    axes.set_xlabel(label_x)
    axes.set_ylabel("sentences")
    axes.set_xlim(left=max(0.0, min(c.min(initial=longest) for c in arrays.values()) - step))
    axes.grid(axis="y", color="#e4e7eb")
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(
        handles=drawn, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=3, frameon=False, fontsize=9
    )
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def plot_scores(
    epochs: Sequence[Mapping[str, Any]], path: str | Path, training_seconds: Sequence[float] = ()
) -> None:
    """Draws the validation BLEU and chrF of each epoch.

    Args:
        epochs: The `epochs` of `History.to_dict()`, with `step`, `val_bleu` and `val_chrf`.
        training_seconds: Seconds of training up to the end of each epoch; the scores are then
            drawn against minutes.
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = figure_and_axes(8.0, 4.2)
    minutes = {number: seconds / 60 for number, seconds in enumerate(training_seconds, start=1)}
    for key, label, color in (("val_bleu", "BLEU", BLUE), ("val_chrf", "chrF", ORANGE)):
        points = [
            (minutes.get(epoch["epoch"], epoch["epoch"]), epoch[key])
            for epoch in epochs
            if key in epoch
        ]
        if points:
            numbers, values = zip(*points, strict=True)
            label = f"{label} (last {values[-1]:.1f}, best {max(values):.1f})"
            axes.plot(numbers, values, color=color, marker="o", markersize=4, label=label)
    axes.set_xlabel("minutes of training" if minutes else "epoch")
    axes.set_ylabel("validation score")
    drawn = [value for line in axes.get_lines() for value in np.asarray(line.get_ydata())]
    if drawn:
        room = 0.08 * max(max(drawn) - min(drawn), 1.0)
        axes.set_ylim(max(0.0, min(drawn) - room), min(102.0, max(drawn) + room))
    axes.grid(axis="y", color="#e4e7eb")
    axes.xaxis.set_major_locator(MaxNLocator(integer=not minutes))
    if axes.get_lines():
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=9)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
