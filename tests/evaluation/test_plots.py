import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from kerasft.evaluation import label_scores, plots

pytestmark = pytest.mark.plain


def history(steps: int, epochs: int, **logs: list[float]) -> dict:
    per_epoch = steps // epochs
    return {
        "losses": np.linspace(2, 0.5, steps).tolist(),
        "epochs": [
            {"epoch": i + 1, "step": (i + 1) * per_epoch, "loss": 1.0}
            | {name: values[i] for name, values in logs.items()}
            for i in range(epochs)
        ],
    }


def metrics(classes: int, rows: int = 300) -> dict:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, rows)
    probabilities = rng.dirichlet(np.ones(classes), rows)
    return label_scores.evaluate(
        labels, probabilities, [f"a class called {i}" for i in range(classes)]
    )


def is_picture(path: Path) -> bool:
    pixels = matplotlib.image.imread(path)
    return min(pixels.shape[:2]) > 200 and pixels.std() > 0.01


@pytest.mark.parametrize(("steps", "epochs"), [(1, 1), (8, 2), (600, 3)])
def test_loss(tmp_path, drawn, steps, epochs):
    run = history(
        steps, epochs, val_loss=[0.9, 0.8, 0.7], accuracy=[0.1] * 3, val_accuracy=[0.5] * 3
    )
    plots.plot_loss(run, tmp_path / "loss.png")
    assert is_picture(tmp_path / "loss.png")
    left, right = drawn[0].axes
    lines = {line.get_label(): line for line in [*left.get_lines(), *right.get_lines()]}
    assert lines["validation loss"].get_xydata().tolist() == [
        [epoch["step"], epoch["val_loss"]] for epoch in run["epochs"]
    ]
    assert lines["validation accuracy"].get_ydata().tolist() == [0.5] * epochs
    assert any(np.array_equal(line.get_ydata(), run["losses"]) for line in left.get_lines())
    assert right.get_ylabel() == "validation accuracy"


def test_the_axes_of_the_loss_fit_it(tmp_path, drawn):
    run = {
        "losses": [9.0, *np.linspace(2.2, 2.0, 300)],  # one step far above all that follow
        "epochs": [
            {"epoch": n, "step": 100 * n, "accuracy": 0.9, "val_loss": 2.1, "val_accuracy": value}
            for n, value in enumerate((0.90, 0.92, 0.93), start=1)
        ],
    }
    plots.plot_loss(run, tmp_path / "loss.png")
    left, right = drawn[0].axes
    assert 1.9 < left.get_ylim()[0] < 2.0 and 2.2 < left.get_ylim()[1] < 2.4
    assert 0.89 < right.get_ylim()[0] < 0.9 and 0.93 < right.get_ylim()[1] < 0.94


def test_loss_without_validation_has_one_axis(tmp_path, drawn):
    plots.plot_loss(history(10, 1), tmp_path / "loss.png")
    assert len(drawn[0].axes) == 1


@pytest.mark.parametrize("classes", [2, 20])
def test_confusion_shows_counts_and_shares(tmp_path, drawn, classes):
    scores = metrics(classes)
    plots.plot_confusion(scores, tmp_path / "confusion.png")
    assert is_picture(tmp_path / "confusion.png")
    axes = drawn[0].axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(scores["per_class"])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(scores["per_class"])
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    counts = np.array(scores["confusion"])
    share = counts[1, 0] / counts[1].sum()
    assert cells[(0, 1)] == f"{counts[1, 0]}\n{share:.0%}"
    assert len(cells) == np.count_nonzero(counts)


def confused(classes, pairs):
    """Scores of 8 rows per class, all right, but for one row of each pair (true, predicted)."""
    labels = np.repeat(np.arange(classes), 8)
    said = labels.copy()
    for true, predicted in pairs:
        said[8 * true] = predicted
    probabilities = np.zeros((len(labels), classes), np.float32)
    probabilities[np.arange(len(labels)), said] = 1
    return label_scores.evaluate(labels, probabilities, [f"class {i}" for i in range(classes)])


@pytest.mark.parametrize("classes", [41, 300])
def test_confusion_of_many_classes_shows_those_that_are_confused(tmp_path, drawn, classes):
    scores = confused(classes, [(7, 40), (9, 40), (30, 31)])
    assert ("confusion" in scores) == (classes <= 200)
    plots.plot_confusion(scores, tmp_path / "many.png")
    axes = drawn[0].axes[0]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert len(names) == 40 and names[-1] == f"{classes - 39} other classes"
    assert {"class 7", "class 9", "class 40", "class 30", "class 31"} <= set(names)
    cells = {
        (names[int(text.get_position()[1])], names[int(text.get_position()[0])]): text.get_text()
        for text in axes.texts
    }
    assert cells["class 7", "class 40"] == cells["class 30", "class 31"] == "1"
    assert cells["class 7", "class 7"] == "7" and sum(map(int, cells.values())) == 8 * classes
    assert f"of {classes} classes the 39 most often confused" in axes.get_title()
    width, height = drawn[0].get_size_inches() * 120
    assert width * height < 8e6  # pixels of four bytes


def test_oddly_named_classes(tmp_path, drawn):
    names = ["cost in $ or $$ of a very long name indeed", r"\frac{", "^_%#"]
    labels = np.arange(3)
    odd = label_scores.evaluate(labels, np.eye(3), names)
    plots.plot_confusion(odd, tmp_path / "odd.png")
    assert is_picture(tmp_path / "odd.png")


def test_pyplot_is_never_imported(tmp_path):
    code = (
        "import sys; from kerasft.evaluation import plots;"
        "plots.plot_loss({'losses': [1.0], 'epochs': []}, sys.argv[1]);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "l.png"]).returncode == 0
