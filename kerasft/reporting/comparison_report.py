"""The report of a comparison: its page, its numbers and its tables, put into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerasft import storage
from kerasft.reporting import page, tables, texts
from kerasft.reporting.comparison import Comparison
from kerasft.reporting.findings import findings
from kerasft.reporting.folder import REPORT, is_ours, seal
from kerasft.reporting.markdown import markdown_page
from kerasft.reporting.pictures import Pictures, draw
from kerasft.reporting.runs import Run


def write_report(
    destination: str | Path,
    comparison: Comparison,
    runs: Sequence[Run],
    *,
    measured: str,
    config_yaml: str,
) -> Path:
    """Writes `report/index.html`, `metrics.json`, `comparison.md` and the pictures, whole or not.

    Args:
        destination: The folder; it may exist if it is empty or an earlier comparison.
        comparison: What `compare` returned.
        runs: The saved classifiers in it.
        measured: Where and how the times for a text were measured, a sentence.
        config_yaml: The resolved config.

    Returns:
        The page.

    Raises:
        ConfigError: The folder cannot be written.
    """
    storage.check_output(destination, is_ours)
    pictures = draw(comparison, runs)
    sentences = findings(comparison)
    with storage.write_folder(destination, is_ours=is_ours) as folder:
        report = folder / REPORT
        report.mkdir()
        for picture in pictures.all():
            (report / picture.file).write_bytes(picture.png)
        content = {
            "findings": sentences,
            **comparison.to_dict(),
            "test_sha256": runs[0].report["test_sha256"],
            "measured": measured,
        }
        storage.write_json(report / "metrics.json", content)
        for name, text in {
            "index.html": _page(comparison, pictures, sentences, runs, measured),
            "comparison.md": markdown_page(comparison, pictures, sentences, runs, measured),
        }.items():
            (report / name).write_text(storage.utf8(text), encoding="utf-8", newline="\n")
        (folder / "config.yaml").write_text(config_yaml, encoding="utf-8", newline="\n")
        seal(folder)
    return Path(destination, REPORT, "index.html")


def _page(
    comparison: Comparison,
    pictures: Pictures,
    sentences: Sequence[str],
    runs: Sequence[Run],
    measured: str,
) -> str:
    mistakes = [
        page.table_block(tables.mistake_table(name, scored.mistakes), texts=True)
        for name, scored in comparison.scored.items()
        if scored.mistakes
    ]
    sections = [
        ("", "", [page.findings_block(sentences)]),
        (
            "scores",
            "Scores",
            [
                page.picture_block(pictures.scores),
                page.table_block(tables.score_table(comparison)),
                page.table_block(tables.pair_table(comparison)),
            ],
        ),
        (
            "classes",
            "Classes",
            [
                page.picture_block(pictures.classes),
                *map(page.table_block, tables.class_tables(comparison)),
                page.picture_block(*pictures.confusion),
            ],
        ),
        (
            "calibration",
            "Calibration",
            [
                page.picture_block(pictures.reliability),
                page.table_block(tables.calibration_table(comparison)),
            ],
        ),
        (
            "costs",
            "Costs",
            [
                page.table_block(tables.training_table(comparison)),
                page.table_block(tables.running_table(comparison, measured)),
                page.picture_block(pictures.tradeoff),
            ],
        ),
        (
            "sizes",
            "Sizes",
            [
                page.paragraph(texts.sizes(comparison)),
                page.picture_block(pictures.sizes),
                page.sources_block(),
            ],
        ),
        ("mistakes", "Mistakes", [page.paragraph(texts.MISTAKES), *mistakes]),
    ]
    if pictures.runs:
        sections.append(("runs", "The runs", [page.picture_block(*pictures.runs)]))
    return page.page(texts.title(comparison), texts.lead(comparison, runs), sections)
