"""A picture of a T5, layer by layer, that marks the layers that an adapter was put on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.evaluation.plots import figure_and_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kerasft.architectures import T5Arguments

FROZEN, ADAPTED, BLOCK, INK, EDGE, SOFT = (
    *("#eef1f4", "#f6b26b", "#fffaf2"),
    *("#243b53", "#9aa5b1", "#52606d"),
)
CELL, HEIGHT, GAP = 0.62, 0.5, 0.3  # a matrix's width, its height, the space between blocks
FIRST = 0.9  # where the first block stands
Sublayers = Mapping[str, tuple[str, ...]]  # a sublayer's name -> those of its matrices
ATTENTION = ("q", "k", "v", "o")
NAMES = {
    "self_attention": "self-attention",
    "cross_attention": "attention to the source",
    "feed_forward": "feed-forward",
}


def plot_matrices(arguments: T5Arguments, adapted: Collection[str], path: str | Path) -> None:
    """Draws the matrices of every block, the first block at the bottom; adapted ones in color.

    Args:
        arguments: The shape of the model.
        adapted: Paths of the layers with an adapter, "encoder/block_1/self_attention/q" (whatever
            stands before "encoder" or "decoder" does not matter).

    Example:
        >>> plot_matrices(model.arguments, report.adapted, "architecture.png")
    """
    a = arguments
    marked = {
        path[path.index(s) :] for path in adapted for s in ("encoder/", "decoder/") if s in path
    }
    whole = {layer.rpartition("/")[2] for layer in adapted} & {"lm_head", "shared"}
    feed_forward = ("wi_0", "wi_1", "wo") if a.gated else ("wi", "wo")
    encoder: Sublayers = {"self_attention": ATTENTION, "feed_forward": feed_forward}
    decoder: Sublayers = {
        "self_attention": ATTENTION,
        "cross_attention": ATTENTION,
        "feed_forward": feed_forward,
    }
    right = _width(encoder) + 1.4
    end = right + _width(decoder)
    blocks = max(a.encoder_layers, a.decoder_layers)
    top = blocks * (HEIGHT + GAP) + 2.5
    figure, axes = figure_and_axes(0.78 * end + 2.1, 0.78 * top + 1.4)
    axes.set_axis_off()
    axes.set_aspect("equal")
    heads = [
        _stack(axes, 0.0, "encoder", a.encoder_layers, encoder, marked),
        _stack(axes, right, "decoder", a.decoder_layers, decoder, marked),
    ]
    middle = right - 0.7
    memory = heads[0] + 0.25
    axes.plot([_width(encoder) / 2] * 2, [heads[0], memory], color=INK, linewidth=1.2)
    axes.plot([_width(encoder) / 2, middle], [memory] * 2, color=INK, linewidth=1.2)
    axes.plot([middle] * 2, [memory, _middle(0)], color=INK, linewidth=1.2)
    for number in range(a.decoder_layers):
        height = _middle(number)
        _arrow(axes, (middle, height), (right - 0.12, height))
    axes.text(
        middle - 0.12, memory + 0.08, "memory", ha="right", va="bottom", color=SOFT, fontsize=9
    )
    table = f"shared: {a.vocab_size:,} x {a.d_model}"
    for left, width in ((0.0, _width(encoder)), (right, _width(decoder))):
        _box(axes, left, 0.0, width, f"embedding, {table}", "shared" in whole)
        _arrow(axes, (left + width / 2, HEIGHT), (left + width / 2, 0.8))
    for left, text in ((0.0, "source tokens"), (right, "target tokens so far")):
        axes.text(left, -0.12, text, ha="left", va="top", color=SOFT, fontsize=9)
    head = "lm_head" if not a.tie_embeddings else "the embedding's table again"
    _arrow(
        axes, (right + _width(decoder) / 2, heads[1]), (right + _width(decoder) / 2, heads[1] + 0.4)
    )
    _box(axes, right, heads[1] + 0.4, _width(decoder), f"next token: {head}", "lm_head" in whole)
    axes.set_title(
        f"T5: {a.encoder_layers} + {a.decoder_layers} blocks, d_model {a.d_model}, {a.heads} heads "
        f"of {a.d_kv}, {a.parameter_count:,} parameters",
        loc="left", fontsize=12, color=INK, pad=22,
    )  # fmt: skip
    count = len(marked) + len(whole)
    if count:
        axes.text(
            0.0, 1.0, f"orange: {count} matrices, each with an adapter (A and B) that trains; all "
            "else is frozen",
            transform=axes.transAxes, ha="left", va="bottom", color=SOFT, fontsize=10,
        )  # fmt: skip
    axes.set_xlim(-1.35, end + 1.35)
    axes.set_ylim(-0.5, max(heads[1] + 0.4 + HEIGHT, memory + 0.4) + 0.1)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def _middle(block: int) -> float:
    """The height of the middle of a block."""
    return FIRST + block * (HEIGHT + GAP) + HEIGHT / 2


def _width(sublayers: Sublayers) -> float:
    """The width of a block."""
    return sum(len(names) * CELL for names in sublayers.values()) + 0.3 * (len(sublayers) - 1)


def _stack(
    axes: Axes,
    left: float,
    side: str,
    count: int,
    sublayers: Sublayers,
    marked: Collection[str],
) -> float:
    """Draws the blocks of one side; returns the height above the last."""
    from matplotlib.patches import FancyBboxPatch

    width = _width(sublayers)
    height = FIRST
    for number in range(count):
        block = f"{side}/block_{number}"
        held = any(path.startswith(f"{block}/") for path in marked)
        axes.add_patch(
            FancyBboxPatch(
                (left - 0.1, height - 0.1), width + 0.2, HEIGHT + 0.2,
                boxstyle="round,pad=0,rounding_size=0.08", linewidth=1.6 if held else 0.8,
                facecolor=BLOCK if held else "none", edgecolor=ADAPTED if held else EDGE,
            )
        )  # fmt: skip
        outside, place = (
            (left - 0.2, "right") if side == "encoder" else (left + width + 0.2, "left")
        )
        axes.text(
            outside, height + HEIGHT / 2, f"block {number}", ha=place, va="center", color=INK,
            fontsize=9, fontweight="bold" if held else "normal",
        )  # fmt: skip
        x = left
        for sublayer, names in sublayers.items():
            for name in names:
                _box(axes, x, height, CELL, name, f"{block}/{sublayer}/{name}" in marked)
                x += CELL
            x += 0.3
        height += HEIGHT + GAP
    x = left
    for sublayer, names in sublayers.items():
        axes.text(
            x + len(names) * CELL / 2, height - 0.12, NAMES[sublayer], ha="center", va="bottom",
            color=SOFT, fontsize=8.5,
        )  # fmt: skip
        x += len(names) * CELL + 0.3
    return height + 0.2


def _box(axes: Axes, x: float, y: float, width: float, text: str, adapted: bool) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle(
            (x, y), width, HEIGHT, facecolor=ADAPTED if adapted else FROZEN, edgecolor=EDGE,
            linewidth=0.8,
        )
    )  # fmt: skip
    axes.text(
        x + width / 2, y + HEIGHT / 2, text, ha="center", va="center", color=INK, fontsize=8.5,
        fontweight="bold" if adapted else "normal",
    )  # fmt: skip


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
