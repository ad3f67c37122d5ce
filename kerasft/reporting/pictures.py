"""The pictures of a report: drawn once, written beside the page and into it."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kerasft.evaluation.plots import plot_confusion
from kerasft.folder import contents
from kerasft.reporting import score_plots
from kerasft.reporting.comparison import Comparison
from kerasft.reporting.runs import Run
from kerasft.reporting.size_plot import plot_sizes
from kerasft.reporting.words import listed

# Drawn anew, for all candidates alike.
_DRAWN_ANEW = {"confusion.png"}
_CAPTIONS = {
    "classes": "rows of each class, as read and after the data steps",
    "loss": "loss during the training",
    "text_lengths": "tokens of the texts, and where they are cut",
}
_MAX_BYTES = 4 * 2**20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        file: Its name in the report's folder, "scores.png".
        caption: What it shows.
        png: Its bytes.
    """

    file: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Pictures:
    """The pictures of a report, by where they stand.

    Attributes:
        scores: Accuracy and macro-F1.
        classes: F1 of each class.
        tradeoff: Macro-F1 against time.
        reliability: Calibration.
        sizes: Parameters beside published models.
        confusion: One confusion matrix a candidate.
        runs: What the runs themselves drew: losses, the data.
    """

    scores: Picture
    classes: Picture
    tradeoff: Picture
    reliability: Picture
    sizes: Picture
    confusion: Sequence[Picture]
    runs: Sequence[Picture]

    def all(self) -> list[Picture]:
        """Every picture."""
        alone = [self.scores, self.classes, self.tradeoff, self.reliability, self.sizes]
        return [*alone, *self.confusion, *self.runs]


def draw(comparison: Comparison, runs: Sequence[Run]) -> Pictures:
    """Draws everything.

    Args:
        comparison: What `compare` returned.
        runs: The saved classifiers in it.
    """
    tones, files = score_plots.colors(comparison), _file_names(list(comparison.scored))
    parameters = {
        name: scored.candidate.costs.parameters
        for name, scored in comparison.scored.items()
        if scored.candidate.costs.parameters is not None
    }

    def of_comparison(file: str, caption: str, plot: Callable[[Comparison, Path], None]) -> Picture:
        return _drawn(file, caption, lambda path: plot(comparison, path))

    return Pictures(
        scores=of_comparison("scores.png", "Accuracy and macro-F1", score_plots.plot_scores),
        classes=of_comparison("classes.png", "F1 of each class", score_plots.plot_class_scores),
        tradeoff=of_comparison(
            "tradeoff.png", "What a better score costs in time", score_plots.plot_tradeoff
        ),
        reliability=of_comparison(
            "reliability.png",
            "How often each is right at each confidence; on the dashed line, as often as it says",
            score_plots.plot_reliability,
        ),
        sizes=_drawn(
            "sizes.png",
            "Parameters, beside those of well-known language models",
            lambda path: plot_sizes(parameters, tones, path),
        ),
        confusion=[
            _drawn(
                f"confusion_{files[name]}.png",
                f"{name}: true and predicted classes",
                partial(plot_confusion, scored.metrics),
            )
            for name, scored in comparison.scored.items()
        ],
        runs=_left_by(runs),
    )


def _drawn(file: str, caption: str, plot: Callable[[Path], None]) -> Picture:
    with tempfile.TemporaryDirectory(prefix="kerasft-") as folder:
        path = Path(folder, file)
        plot(path)
        return Picture(file, caption, path.read_bytes())


def _left_by(runs: Sequence[Run]) -> list[Picture]:
    """The pictures that the runs saved, each once: those of the same data are the same."""
    owners: dict[bytes, list[str]] = {}
    names: dict[bytes, str] = {}
    for run in runs:
        for path in sorted((run.folder / contents.REPORT).glob("*.png")):
            png = path.read_bytes() if path.stat().st_size <= _MAX_BYTES else b""
            if path.name not in _DRAWN_ANEW and png.startswith(_SIGNATURE):
                owners.setdefault(png, []).append(run.name)
                names.setdefault(png, path.name)
    files = _file_names([run.name for run in runs])
    return [
        Picture(
            f"{files[whose[0]]}_{names[png]}",
            f"{listed(whose)}: {_caption(Path(names[png]).stem)}",
            png,
        )
        for png, whose in owners.items()
    ]


def _caption(stem: str) -> str:
    return _CAPTIONS.get(stem, stem.replace("_", " "))


def _file_names(names: Sequence[str]) -> dict[str, str]:
    """Names as parts of files' names, no two the same."""
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower() or "model"
        found[name] = plain if plain not in found.values() else f"{plain}_{len(found)}"
    return found
