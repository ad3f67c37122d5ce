"""The folder of a comparison: its page, its numbers and its pictures, written whole or not at all.

comparison.json     format, and the sha256 of every other file
config.yaml         the resolved config
report/             index.html, comparison.md, metrics.json and the pictures
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.evaluation.plots import plot_confusion
from kerasft.folder import contents
from kerasft.reporting import plots, tables
from kerasft.reporting.comparison import Comparison
from kerasft.reporting.findings import MISTAKES, findings, lead, sizes, title
from kerasft.reporting.page import Page, Picture, Pictures, Section, Sources
from kerasft.reporting.published import PUBLISHED
from kerasft.reporting.runs import Run
from kerasft.reporting.words import listed

FORMAT_VERSION = 1
MANIFEST = "comparison.json"
REPORT = "report"

# Drawn anew, for all candidates alike.
_DRAWN_ANEW = {"confusion.png"}
_CAPTIONS = {
    "classes": "rows of each class, as read and after the data steps",
    "loss": "loss during training",
    "labels": "how well each label is found",
    "numbers": "distribution of the numbers",
    "scatter": "predicted and true number of each test row",
    "lengths": "tokens of the texts, and where they are cut",
}
_MAX_BYTES = 4 * 2**20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def write_report(
    destination: str | Path,
    comparison: Comparison,
    runs: Sequence[Run],
    *,
    measured: str,
    config_yaml: str,
) -> Path:
    """Writes the page as HTML and Markdown, the numbers as JSON, and the pictures.

    Args:
        destination: The folder; it may exist if it is empty or an earlier comparison.
        comparison: What `compare` returned.
        runs: The saved classifiers in it.
        measured: Where and how the times for a text were measured, a sentence.
        config_yaml: The resolved config.

    Returns:
        The HTML page.

    Raises:
        ConfigError: The folder cannot be written.
    """
    page = Page(
        title(comparison),
        lead(comparison, runs),
        findings(comparison),
        _sections(comparison, runs, measured),
    )
    numbers = {
        **comparison.to_dict(),
        "test_sha256": runs[0].report["test_sha256"],
        "measured": measured,
    }
    return write_page(destination, page, numbers, config_yaml)


def write_page(
    destination: str | Path, page: Page, numbers: Mapping[str, Any], config_yaml: str
) -> Path:
    """Writes the folder of any page: see the top of this file.

    Args:
        destination: The folder; it may exist if it is empty or an earlier comparison.
        numbers: What the page says, for `metrics.json`.
        config_yaml: The resolved config.

    Returns:
        The HTML page.

    Raises:
        ConfigError: The folder cannot be written.
    """
    storage.check_output(destination, is_comparison)
    with storage.write_folder(destination, is_ours=is_comparison) as folder:
        report = folder / REPORT
        report.mkdir()
        for section in page.sections:
            for picture in section.pictures:
                (report / picture.file).write_bytes(picture.png)
        storage.write_json(report / "metrics.json", {"findings": page.findings, **numbers})
        for name, text in {"index.html": page.html(), "comparison.md": page.markdown()}.items():
            (report / name).write_text(storage.utf8(text), encoding="utf-8", newline="\n")
        (folder / "config.yaml").write_text(config_yaml, encoding="utf-8", newline="\n")
        files = {name: storage.sha256_file(folder / name) for name in _files(folder)}
        storage.write_json(folder / MANIFEST, {"format_version": FORMAT_VERSION, "files": files})
    return Path(destination, REPORT, "index.html")


def is_comparison(path: str | Path) -> bool:
    """Whether a folder is a comparison without files of other origin, so that it may be replaced.

    Raises:
        ConfigError: Another version of kerasft saved it.

    Example:
        >>> storage.check_output("saved_models/comparison", is_comparison)  # before the work
    """
    folder = Path(path)
    storage.check_format(folder, FORMAT_VERSION, MANIFEST)
    try:
        data: Any = storage.read_json(folder / MANIFEST, ConfigError)
        files = data["files"] if data["format_version"] == FORMAT_VERSION else None
        if not isinstance(files, dict):
            return False
        return not set(_files(folder)) - {MANIFEST, ".DS_Store", *files}
    except (ConfigError, LookupError, TypeError, OSError):
        return False


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    )


def _sections(comparison: Comparison, runs: Sequence[Run], measured: str) -> list[Section]:
    def drawn(file: str, caption: str, plot: Callable[[Comparison, Path], None]) -> Pictures:
        return Pictures([drawn_picture(file, caption, partial(plot, comparison))])

    names = _file_names(list(comparison.scored))
    costs = {name: scored.candidate.costs for name, scored in comparison.scored.items()}
    confusion = [
        drawn_picture(
            f"confusion_{names[name]}.png",
            f"{name}: true and predicted classes",
            partial(plot_confusion, scored.metrics),
        )
        for name, scored in comparison.scored.items()
    ]
    mistakes = [
        tables.mistake_table(name, scored.mistakes)
        for name, scored in comparison.scored.items()
        if scored.mistakes
    ]
    sections = [
        Section(
            "Scores",
            [
                drawn("scores.png", "Accuracy and macro-F1", plots.plot_overall_scores),
                tables.score_table(comparison),
                tables.pair_table(comparison),
            ],
        ),
        Section(
            "Classes",
            [
                drawn("classes.png", "F1 of each class", plots.plot_class_scores),
                *tables.class_tables(comparison),
                Pictures(confusion),
            ],
        ),
        Section(
            "Calibration",
            [
                drawn(
                    "reliability.png",
                    "How often each model is right at each confidence; on the dashed line the two "
                    "are equal",
                    plots.plot_reliability,
                ),
                tables.calibration_table(comparison),
            ],
        ),
        Section(
            "Costs",
            [
                tables.training_table(costs),
                tables.running_table(costs, measured),
                drawn("tradeoff.png", "What a better score costs in time", plots.plot_tradeoff),
            ],
        ),
        Section(
            "Sizes",
            [
                sizes(comparison),
                drawn(
                    "sizes.png",
                    "Parameters, beside those of well-known language models",
                    plots.plot_sizes,
                ),
                Sources(PUBLISHED),
            ],
        ),
        Section("Mistakes", [MISTAKES, *mistakes]),
    ]
    found = run_pictures(runs)
    return [*sections, Section("The runs", [Pictures(found)])] if found else sections


def drawn_picture(file: str, caption: str, plot: Callable[[Path], None]) -> Picture:
    """A picture of a page.

    Args:
        file: Its name in the report's folder.
        plot: Draws it into a path.
    """
    with tempfile.TemporaryDirectory(prefix="kerasft-") as folder:
        path = Path(folder, file)
        plot(path)
        return Picture(file, caption, path.read_bytes())


def run_pictures(runs: Sequence[Run]) -> list[Picture]:
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
