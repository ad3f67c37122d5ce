import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from kerasft.architectures.transformer import TransformerArguments
from kerasft.errors import DataError
from kerasft.tasks.translation.architecture_plot import plot_architecture
from kerasft.tasks.translation.plots import plot_attention, plot_lengths, plot_scores

pytestmark = pytest.mark.any_backend

SOURCE = ["[SOS]", "I", "am", "hungry", ".", "[EOS]"]
SAID = ["Ho", "fame", ".", "[EOS]"]


def is_picture(path: Path) -> bool:
    pixels = matplotlib.image.imread(path)
    return min(pixels.shape[:2]) > 200 and pixels.std() > 0.01


def shares(rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(0).dirichlet(np.ones(columns), rows)


def test_attention(tmp_path, drawn):
    scores = shares(4, 6)
    plot_attention(scores, SOURCE, SAID, tmp_path / "attention.png")
    assert is_picture(tmp_path / "attention.png")
    axes = drawn[0].axes[0]
    assert np.array_equal(axes.get_images()[0].get_array(), scores)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == SOURCE
    assert [tick.get_text() for tick in axes.get_yticklabels()] == SAID


def test_attention_of_odd_and_long_tokens(tmp_path):
    source = ["$", "$x$", r"\frac{", "a" * 60, "_^%#"]
    plot_attention(shares(1, 5), source, ["Sì"], tmp_path / "odd.png")
    plot_attention(shares(40, 40), ["w"] * 40, ["v"] * 40, tmp_path / "long.png")
    assert is_picture(tmp_path / "odd.png") and is_picture(tmp_path / "long.png")


def test_attention_of_another_shape(tmp_path):
    with pytest.raises(DataError, match="do not fit 4 target tokens and 6 source tokens"):
        plot_attention(shares(6, 4), SOURCE, SAID, tmp_path / "attention.png")


@pytest.mark.parametrize("factor", [1, 30])
def test_lengths_show_every_sentence(tmp_path, drawn, factor):
    rng = np.random.default_rng(0)
    lengths = {"en": 3 + factor * rng.poisson(8, 500), "it": 3 + factor * rng.poisson(7, 400)}
    plot_lengths(lengths, tmp_path / "lengths.png", seq_len=10 * factor)
    assert is_picture(tmp_path / "lengths.png")
    axes = drawn[0].axes[0]
    counts = [sum(bar.get_height() for bar in bars) for bars in axes.containers]
    assert counts == [500, 400]
    assert len(axes.containers[0]) <= 62
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert f"longest {lengths['en'].max()}" in labels[0] and labels[2] == f"limit {10 * factor}"


def test_lengths_without_a_limit_in_sight(tmp_path, drawn):
    plot_lengths({"en": [3, 4], "it": [4, 4]}, tmp_path / "l.png", seq_len=500)
    assert len(drawn[0].axes[0].get_legend().get_texts()) == 2
    bars = [bar for bar in drawn[0].axes[0].patches if isinstance(bar, Rectangle)]
    tallest = max(bars, key=lambda bar: bar.get_height())
    assert tallest.get_height() == 2
    assert abs(tallest.get_x() + tallest.get_width() / 2 - 4) < 0.5  # stands at its length


def test_scores(tmp_path, drawn):
    epochs = [{"epoch": i, "step": 9 * i, "val_bleu": 10.0 * i, "val_chrf": 50} for i in (1, 2, 3)]
    plot_scores(epochs, tmp_path / "scores.png")
    plot_scores([{"epoch": 1, "step": 9}], tmp_path / "none.png")
    assert is_picture(tmp_path / "scores.png") and is_picture(tmp_path / "none.png")
    bleu, chrf = drawn[0].axes[0].get_lines()
    assert bleu.get_xydata().tolist() == [[1, 10], [2, 20], [3, 30]]
    assert chrf.get_label() == "chrF (last 50.0, best 50.0)"


def test_scores_against_minutes(tmp_path, drawn):
    epochs = [{"epoch": i, "step": 9 * i, "val_bleu": 10.0 * i, "val_chrf": 50} for i in (1, 2, 3)]
    plot_scores(epochs, tmp_path / "scores.png", [30.0, 90.0, 120.0])
    axes = drawn[0].axes[0]
    assert axes.get_lines()[0].get_xydata().tolist() == [[0.5, 10], [1.5, 20], [2, 30]]
    assert axes.get_xlabel() == "minutes of training"


@pytest.mark.parametrize("norm_first", [True, False])
def test_architecture_states_the_shapes(tmp_path, drawn, norm_first):
    arguments = TransformerArguments(
        1301, 1577, 40, 50, d_model=96, N=3, h=4, d_ff=200, tie_embeddings=norm_first,
        norm_first=norm_first,
    )  # fmt: skip
    plot_architecture(arguments, tmp_path / "architecture.png")
    assert is_picture(tmp_path / "architecture.png")
    axes = drawn[0].axes[0]
    texts = [text.get_text() for text in axes.texts]
    for text in ("(B, S, 96)", "(B, T, 96)", "(B, T, 1,577)", "4 heads of 24   (B, T, 96)"):
        assert text in texts
    assert texts.count("96 → 200 → 96   (B, S, 96)") == 1
    assert texts.count("3 times") == 2
    assert any("1,301 tokens" in text for text in texts)
    assert any("T ≤ 50" in text for text in texts)
    assert any("weights of the target embedding" in text for text in texts) == norm_first
    # Pre-norm: one before each of five sublayers and one at each end; post-norm: after each.
    assert texts.count("layer normalization") == (7 if norm_first else 0)
    assert texts.count("+ and layer normalization") == (0 if norm_first else 5)
    assert f"{arguments.parameter_count:,} parameters" in axes.get_title()


def test_no_text_of_the_architecture_leaves_its_box(tmp_path, drawn):
    """Also with the widest numbers that people train."""
    arguments = TransformerArguments(
        250_000, 250_000, 4096, 4096, d_model=8192, N=6, h=128, d_ff=32_768,
        tie_embeddings=True,
    )  # fmt: skip
    plot_architecture(arguments, tmp_path / "wide.png")
    figure = drawn[0]
    renderer = figure.canvas.get_renderer()
    boxes = [patch.get_window_extent(renderer) for patch in figure.axes[0].patches]
    checked = 0
    for text in figure.axes[0].texts:
        extent = text.get_window_extent(renderer)
        middle = ((extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2)
        around = [box for box in boxes if box.contains(*middle)]
        if around and text.get_text():
            box = min(around, key=lambda box: box.height)
            assert box.x0 <= extent.x0 and extent.x1 <= box.x1, text.get_text()
            checked += 1
    assert checked > 20


def test_pyplot_is_never_imported(tmp_path):
    code = (
        "import sys; from kerasft.tasks.translation import plots;"
        "plots.plot_lengths({'en': [3, 4]}, sys.argv[1]);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "l.png"]).returncode == 0
