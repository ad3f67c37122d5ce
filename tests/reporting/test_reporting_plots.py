"""The pictures: every candidate and class is in them, with the right numbers."""

import itertools
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.text import Text

from harness.compared import CLASSES, make_comparison
from kerasft.evaluation import label_scores
from kerasft.reporting import Candidate, Costs, compare, plots
from kerasft.reporting.published import PUBLISHED

pytestmark = pytest.mark.plain

PLOTS = [
    plots.plot_overall_scores,
    plots.plot_class_scores,
    plots.plot_reliability,
    plots.plot_tradeoff,
]


@pytest.fixture(scope="module")
def comparison():
    return make_comparison()[1]


def is_picture(path: Path) -> bool:
    pixels = matplotlib.image.imread(path)
    return min(pixels.shape[:2]) > 200 and pixels.std() > 0.01


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("skills", [None, {f"a model called {i} $x_": i for i in range(7)}])
def test_pictures_of_few_and_of_many(plot, skills, tmp_path):
    found = make_comparison(skills=skills)[1]
    plot(found, tmp_path / "p.png")
    assert is_picture(tmp_path / "p.png")


def marked(axes) -> list[tuple[float, float]]:
    """Where markers stand."""
    return [
        tuple(line.get_xydata()[0])
        for line in axes.get_lines()
        if line.get_marker() in "os" and len(line.get_xydata()) == 1
    ]


def test_scores(comparison, tmp_path, drawn):
    plots.plot_overall_scores(comparison, tmp_path / "p.png")
    axes = drawn[0].axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == list(comparison.scored)
    expected = {
        value
        for scored in comparison.scored.values()
        for value in (scored.accuracy.value, scored.macro["macro_f1"].value)
    }
    assert {x for x, _ in marked(axes)} == expected
    assert {t.get_text() for t in axes.texts} == {f"{value:.3f}" for value in expected}
    assert axes.get_xlim()[0] < min(s.macro["macro_f1"].low for s in comparison.scored.values())
    assert max(axes.get_xticks()) <= 1.001


def test_class_scores(comparison, tmp_path, drawn):
    plots.plot_class_scores(comparison, tmp_path / "p.png")
    axes = drawn[0].axes[0]
    labels = [t.get_text() for t in axes.get_yticklabels()]
    support = comparison.scored["small"].metrics["per_class"]["Loans"]["support"]
    assert labels[1] == f"Loans ({support})" and len(labels) == len(CLASSES)
    points = marked(axes)
    assert len(points) == 9
    value = comparison.scored["large"].per_class["Loans"]["f1"].value
    assert (value, 1.0) in points  # the middle one of three, in the second row
    legend = [t.get_text() for t in axes.get_legend().get_texts()]
    assert legend == ["small", "large", label_scores.TFIDF]


def test_reliability(comparison, tmp_path, drawn):
    plots.plot_reliability(comparison, tmp_path / "p.png")
    assert len(drawn[0].axes) == 3
    for axes, (name, scored) in zip(drawn[0].axes, comparison.scored.items(), strict=True):
        assert name in axes.get_title()
        assert f"{scored.calibration.ece:.3f}" in axes.get_title()
        line = axes.get_lines()[1].get_xydata()
        assert line.tolist() == [[b.confidence, b.accuracy] for b in scored.calibration.bins]


def test_tradeoff(comparison, tmp_path, drawn):
    plots.plot_tradeoff(comparison, tmp_path / "p.png")
    axes = drawn[0].axes[0]
    points = {tuple(line.get_xydata()[0]) for line in axes.get_lines() if line.get_marker() == "o"}
    assert points == {
        (s.candidate.costs.latency[1].median, s.macro["macro_f1"].value)
        for s in comparison.scored.values()
    }


def test_names_of_models_that_are_alike_do_not_lie_on_each_other(tmp_path, drawn):
    # As runs that differ in their seed alone: the same time, nearly the same score.
    found = make_comparison(skills={f"tinybert_lora_{seed}": 2.0 + seed / 50 for seed in range(5)})
    plots.plot_tradeoff(found[1], tmp_path / "p.png")
    axes = drawn[0].axes[0]
    places = [Text.get_window_extent(text) for text in axes.texts]
    assert len(places) == 6
    assert not any(first.overlaps(second) for first, second in itertools.combinations(places, 2))


def test_a_dollar_is_a_dollar(drawn, tmp_path):
    truth = np.array([0, 1, 0, 1])
    names = ["loans under $500", "loans over $500"]
    candidate = Candidate("a $ model", np.eye(2)[truth], Costs())
    found = compare([candidate], ["a", "b", "c", "d"], truth, names, draws=100)
    plots.plot_class_scores(found, tmp_path / "p.png")
    plots.plot_overall_scores(found, tmp_path / "q.png")
    said = [t.get_text() for figure in drawn for t in figure.axes[0].get_yticklabels()]
    assert said == [r"loans under \$500 (2)", r"loans over \$500 (2)", r"a \$ model"]


def test_colors_are_the_same_in_all_pictures_and_grey_for_baselines(comparison):
    tones = plots.colors(comparison)
    assert len(set(tones.values())) == 3
    assert tones[label_scores.TFIDF] == plots.BASELINE


def test_sizes(tmp_path, drawn):
    sizes = {"large": 22.7e6, "small": 2.5e6, "tiny": 9.0, "of unknown size": None}
    truth = np.array([0, 1])
    found = [Candidate(n, np.eye(2), Costs(parameters=size)) for n, size in sizes.items()]
    comparison = compare(found, ["a", "b"], truth, ["x", "y"], draws=100)
    plots.plot_sizes(comparison, tmp_path / "p.png")
    assert is_picture(tmp_path / "p.png")
    axes = drawn[0].axes[0]
    names = [t.get_text() for t in axes.get_yticklabels()]
    assert names[:3] == ["tiny", "small", "large"]
    assert names[3:] == [f"{p.name} ({p.authors})" for p in PUBLISHED]
    assert [bar.get_width() for bar in axes.patches[:3]] == [9.0, 2.5e6, 22.7e6]
    assert axes.get_xscale() == "log"
    assert {"22.7M", "110M", "175B", "1T"} <= {t.get_text() for t in axes.texts}
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == sorted(widths) and axes.get_xlim()[0] < min(widths)
