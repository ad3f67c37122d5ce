"""The picture of a T5."""

import matplotlib.image
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from kerasft.architectures.t5.arguments import T5Arguments
from kerasft.tasks.text_to_text.architecture_plot import ADAPTED, FROZEN, plot_matrices

pytestmark = pytest.mark.any_backend

TARGETS = [f"t5/encoder/block_{block}/self_attention/{name}" for block in (1, 2) for name in "qv"]


def matrices(figure: Figure, color: str) -> list[Rectangle]:
    from matplotlib.colors import to_hex

    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return [box for box in boxes if to_hex(box.get_facecolor()) == color]


def said(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    return [text.get_text() for text in axes.texts] + [axes.get_title(loc="left")]


def test_exactly_the_adapted_matrices_are_marked(drawn, tmp_path):
    a = T5Arguments(100, d_model=16, d_kv=8, d_ff=32, encoder_layers=3, decoder_layers=2, heads=2)
    plot_matrices(a, TARGETS, tmp_path / "a.png")
    pixels = matplotlib.image.imread(tmp_path / "a.png")
    assert min(pixels.shape[:2]) > 300 and pixels.std() > 0.01
    (figure,) = drawn
    assert len(matrices(figure, ADAPTED)) == 4
    # q, k, v, o, wi, wo; twice q, k, v, o, wi, wo; two tables and the head.
    assert len(matrices(figure, FROZEN)) == 3 * 6 + 2 * 10 + 3 - 4
    words = said(figure)
    assert any("4 matrices, each with an adapter" in text for text in words)
    assert any("3 + 2 blocks" in text and f"{a.parameter_count:,}" in text for text in words)
    bold = [t.get_text() for t in figure.axes[0].texts if t.get_fontweight() == "bold"]
    assert sorted(bold) == ["block 1", "block 2", "q", "q", "v", "v"]


def test_gates_heads_and_decoders(drawn, tmp_path):
    a = T5Arguments(100, encoder_layers=1, decoder_layers=2, gated=True, tie_embeddings=False)
    adapted = ["t5/decoder/block_1/cross_attention/v", "t5/lm_head"]
    plot_matrices(a, adapted, tmp_path / "b.png")
    assert len(matrices(drawn[0], ADAPTED)) == 2
    assert {"wi_0", "wi_1", "next token: lm_head"} <= set(said(drawn[0]))


def test_without_adapters_nothing_is_said_of_them(drawn, tmp_path):
    plot_matrices(T5Arguments(100, encoder_layers=1, decoder_layers=1), [], tmp_path / "c.png")
    assert not matrices(drawn[0], ADAPTED)
    assert not any("adapter" in text for text in said(drawn[0]))
