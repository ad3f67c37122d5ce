"""The corpus's pictures show the numbers that they were given."""

import matplotlib.image
import numpy as np
import pytest

from kerasft.tasks.labelled import plots

pytestmark = pytest.mark.plain

BEFORE = {
    "Credit reporting, credit repair services, or other personal consumer reports": 783,
    "Mortgage": 310,
    "Prepaid card": 1,
}


def names_of(axes) -> list[str]:
    return [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]


def test_classes(tmp_path, drawn):
    after = {"Credit reporting": 780, "Mortgage": 309}
    plots.plot_classes(BEFORE, after, tmp_path / "classes.png")
    assert matplotlib.image.imread(tmp_path / "classes.png").shape[1] > 600
    first, second = drawn[0].axes
    assert first.get_title(loc="left") == "as read: 1,094 rows in 3 classes"
    assert second.get_title(loc="left") == "after the data steps: 1,089 rows in 2 classes"
    assert names_of(first) == list(BEFORE) and names_of(second) == list(after)
    assert [bar.get_width() for bar in first.patches] == [783, 310, 1]
    assert [bar.get_width() for bar in second.patches] == [780, 309]
    assert [text.get_text().strip() for text in second.texts] == ["780 (71.6%)", "309 (28.4%)"]
    assert first.get_xlim() == second.get_xlim()
    assert first.get_ylim()[0] > first.get_ylim()[1]  # the largest is on top


def test_many_classes_of_any_name(tmp_path, drawn):
    before = {f"class {i}": 100 - i for i in range(60)} | {"$x^2$ a_b": 500, "w" * 300: 400}
    plots.plot_classes(before, {"a": 3, "b": 0}, tmp_path / "classes.png")
    names = names_of(drawn[0].axes[0])
    assert len(names) == 30 and names[-1] == "33 more classes" and names[2] == "class 0"
    assert names[0] == r"\$x^2\$ a_b"
    rest = sum(100 - i for i in range(27, 60))
    assert drawn[0].axes[0].patches[-1].get_width() == rest


def test_lengths(tmp_path, drawn):
    lengths = np.array([*range(1, 101), 100, 101, 5000])
    plots.plot_text_lengths(lengths, 100, tmp_path / "lengths.png")
    axes = drawn[0].axes[0]
    bars = [(bar.get_x(), bar.get_height(), bar.get_facecolor()) for bar in axes.patches]
    assert sum(height for _, height, _ in bars) == len(lengths)
    colors = {color for _, _, color in bars}
    assert len(colors) == 2
    # Whatever is right of the cut, and nothing else, has the other color.
    beyond = [(x, height) for x, height, color in bars if color == bars[-1][2]]
    assert min(x for x, _ in beyond) == 101 and sum(height for _, height in beyond) == 2
    assert axes.texts[0].get_text() == "max_length 100: 1.9% are longer"
    assert axes.lines[0].get_xdata()[0] == 101
    assert axes.get_title(loc="left") == "103 texts, median 52 tokens, longest 5,000"
    assert axes.get_xlabel() == "tokens of a text (last bar: 1 texts of up to 5,000)"


@pytest.mark.parametrize(("lengths", "max_length"), [([3], 512), ([5, 900], 4), ([7] * 9, 7)])
def test_few_texts(tmp_path, drawn, lengths, max_length):
    plots.plot_text_lengths(lengths, max_length, tmp_path / "lengths.png")
    axes = drawn[0].axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == len(lengths)
    assert axes.get_xlim()[1] > max_length


def test_nothing_to_draw(tmp_path):
    with pytest.raises(ValueError, match="no class"):
        plots.plot_classes({}, {"a": 1}, tmp_path / "classes.png")
    with pytest.raises(ValueError, match="no text"):
        plots.plot_text_lengths([], 8, tmp_path / "lengths.png")
    assert list(tmp_path.iterdir()) == []
