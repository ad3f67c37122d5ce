"""A picture of the Transformer with its shapes, after figure 1 of Vaswani et al. 2017."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.evaluation.plots import figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kerasft.architectures.transformer import TransformerArguments

# Fill colors of the boxes, as in the paper's figure.
TOKENS, EMBEDDING, POSITION = "#ffffff", "#fbe3e4", "#e8e8ef"
ATTENTION, FEED_FORWARD, NORM, OUTPUT = "#fde3bf", "#cfe8f7", "#f4f5c6", "#d9ead3"
INK, FRAME = "#243b53", "#9aa5b1"
BOX, GAP, WIDTH = 0.62, 0.34, 3.9
ENCODER, DECODER = 0.0, 6.6  # where the two columns stand

Box = tuple[str, str, str]  # what it is, the shape that leaves it, its color


def plot_architecture(arguments: TransformerArguments, path: str | Path) -> None:
    """Draws encoder and decoder from the tokens at the bottom to the log-probabilities at the top.

    Args:
        arguments: The shape of the model. In the picture, B is the batch, S the length of the
            source and T that of the target.
    """
    a = arguments
    figure, axes = figure_and_axes(11.5, 11.5 if a.norm_first else 10.5)
    axes.set_axis_off()
    axes.set_aspect("equal")

    source, target = f"(B, S, {a.d_model})", f"(B, T, {a.d_model})"
    heads = f"{a.h} heads of {a.d_model // a.h}"
    inner = f"{a.d_model} → {a.d_ff} → {a.d_model}"
    encoder = [
        ("self-attention", f"{heads}   {source}", ATTENTION),
        ("feed-forward", f"{inner}   {source}", FEED_FORWARD),
    ]
    decoder = [
        ("masked self-attention", f"{heads}   {target}", ATTENTION),
        ("attention to the source", f"{heads}   {target}", ATTENTION),
        ("feed-forward", f"{inner}   {target}", FEED_FORWARD),
    ]
    left_top, _ = _column(axes, ENCODER, "source", "S", a.src_vocab_size, encoder, a)
    right_top, heights = _column(axes, DECODER, "target so far", "T", a.tgt_vocab_size, decoder, a)

    # The encoder's output goes up, across and into the second sublayer of each decoder block.
    middle = (ENCODER + DECODER) / 2
    into = heights[1]
    half = WIDTH / 2
    axes.plot(
        [ENCODER, ENCODER, middle, middle],
        [left_top, left_top + GAP, left_top + GAP, into],
        color=INK, linewidth=1.3, solid_joinstyle="round",
    )  # fmt: skip
    _arrow(axes, (middle, into), (DECODER - half, into))
    axes.text(
        ENCODER, left_top + GAP + 0.12, f"memory {source}", ha="center", va="bottom",
        color=INK, fontsize=9,
    )  # fmt: skip

    projection = f"{a.d_model} → {a.tgt_vocab_size:,}"
    tied = ", weights of the target embedding" if a.tie_embeddings else ""
    top = _box(axes, DECODER, right_top, (f"projection{tied}", projection, OUTPUT))
    shape = f"(B, T, {a.tgt_vocab_size:,})"
    top = _box(axes, DECODER, top, ("log-softmax", shape, OUTPUT))
    _arrow(axes, (DECODER, top), (DECODER, top + GAP))
    axes.text(
        DECODER, top + GAP + 0.08, "log-probability of each next token", ha="center", va="bottom",
        color=INK, fontsize=10,
    )  # fmt: skip
    axes.set_title(
        f"Transformer: {a.N} + {a.N} blocks, d_model {a.d_model}, "
        f"{a.parameter_count:,} parameters, "
        f"{'pre' if a.norm_first else 'post'}-norm, dropout {a.dropout:g}",
        loc="center", fontsize=12, color=INK, pad=14,
    )  # fmt: skip
    axes.text(
        ENCODER - half, top, "B  sentences of a batch\nS  tokens of the source\n"
        "T  tokens of the target", ha="left", va="top", color="#52606d", fontsize=9,
        linespacing=1.6,
    )  # fmt: skip
    axes.set_xlim(ENCODER - half - 0.95, DECODER + half + 0.95)
    axes.set_ylim(-0.75, top + GAP + 0.6)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _column(
    axes: Axes,
    x: float,
    name: str,
    length: str,
    vocabulary: int,
    sublayers: list[Box],
    arguments: TransformerArguments,
) -> tuple[float, list[float]]:
    """Draws one of the two stacks; returns its top and the height of each sublayer's middle."""
    a = arguments
    shape = f"(B, {length}, {a.d_model})"
    limit = a.src_seq_len if length == "S" else a.tgt_seq_len
    axes.text(
        x, -0.12, f"{name}: token ids (B, {length}), {length} ≤ {limit}", ha="center", va="top",
        color=INK, fontsize=10,
    )  # fmt: skip
    y = _box(
        axes, x, 0.0, (f"embedding of {vocabulary:,} tokens, times √{a.d_model}", shape, EMBEDDING)
    )
    y = _box(axes, x, y, ("+ positions (sine, cosine)", shape, POSITION))
    bottom = y + GAP / 2
    y = _line(axes, x, y, y + 0.18)
    middles = []
    for sublayer in sublayers:
        start = y + GAP * 0.35
        if a.norm_first:
            y = _box(axes, x, y, ("layer normalization", "", NORM), small=True)
        y = _box(axes, x, y, sublayer)
        middles.append(y - BOX / 2)
        label = "+" if a.norm_first else "+ and layer normalization"
        y = _box(axes, x, y, (label, "", NORM), small=True)
        _around(axes, x, start, y - BOX * 0.275)
    top = y + 0.12
    _frame(axes, x, bottom, top, f"{a.N} times", on_the_right=x == DECODER)
    y = _line(axes, x, y, top + 0.06)
    if a.norm_first:
        y = _box(axes, x, y, ("layer normalization", shape, NORM))
    return y, middles


def _box(axes: Axes, x: float, y: float, box: Box, small: bool = False) -> float:
    """Draws an arrow up from `y` and a box on it; returns the height of the box's top."""
    from matplotlib.patches import FancyBboxPatch

    name, shape, color = box
    height = BOX * 0.55 if small else BOX
    bottom = y + GAP
    _arrow(axes, (x, y), (x, bottom))
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, bottom), WIDTH, height, boxstyle="round,pad=0,rounding_size=0.09",
            facecolor=color, edgecolor=INK, linewidth=1.0,
        )
    )  # fmt: skip
    middle = bottom + height / 2
    if shape:
        axes.text(x, middle + 0.13, name, ha="center", va="center", color=INK, fontsize=9.5)
        axes.text(x, middle - 0.14, shape, ha="center", va="center", color="#52606d", fontsize=8)
    else:
        axes.text(x, middle, name, ha="center", va="center", color=INK, fontsize=9)
    return bottom + height


def _around(axes: Axes, x: float, start: float, end: float) -> None:
    """The residual connection: past the sublayer, into its sum."""
    right = x + WIDTH / 2
    axes.plot(
        [x, right + 0.28, right + 0.28], [start, start, end], color=FRAME, linewidth=1.2,
        solid_joinstyle="round", zorder=0,
    )  # fmt: skip
    _arrow(axes, (right + 0.28, end), (right, end), FRAME)


def _line(axes: Axes, x: float, bottom: float, top: float) -> float:
    axes.plot([x, x], [bottom, top], color=INK, linewidth=1.2)
    return top


def _frame(axes: Axes, x: float, bottom: float, top: float, label: str, on_the_right: bool) -> None:
    from matplotlib.patches import FancyBboxPatch

    left = x - WIDTH / 2 - 0.3
    axes.add_patch(
        FancyBboxPatch(
            (left, bottom), WIDTH + 0.8, top - bottom, boxstyle="round,pad=0,rounding_size=0.15",
            facecolor="none", edgecolor=FRAME, linewidth=1.2, linestyle="--",
        )
    )  # fmt: skip
    edge = left + WIDTH + 0.8 + 0.22 if on_the_right else left - 0.22
    axes.text(
        edge, (bottom + top) / 2, label, ha="center", va="center", color=INK, fontsize=11,
        rotation=90,
    )  # fmt: skip


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str = INK
) -> None:
    axes.annotate(
        "", xy=end, xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": 1.2, "shrinkA": 0, "shrinkB": 0,
                    "mutation_scale": 9},
    )  # fmt: skip
