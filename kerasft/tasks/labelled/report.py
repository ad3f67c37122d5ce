"""The `report/` folder of a run on labelled texts: metrics, pictures and every test prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends, storage
from kerasft.data.csv_writing import CsvWriter
from kerasft.data.rows import Rows
from kerasft.data.text_pairs import sides_of, text_fields, texts_of
from kerasft.errors import ConfigError, attempt
from kerasft.evaluation.label_scores import Metrics
from kerasft.evaluation.plots import plot_loss
from kerasft.evaluation.report_files import METRICS, THIS_MODEL, ReportFile, write_files
from kerasft.folder.card import Facts
from kerasft.folder.writing import Report
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.doubtful_rows import DoubtfulRows
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.target import Target

PREDICTIONS = "predictions.csv"
VALIDATION = "validation.csv"
BASELINE_PREDICTIONS = "baseline_predictions.csv"
DOUBTFUL = "doubtful_rows.csv"

Features = Callable[[], tuple[str, np.ndarray] | None]


class Scores(dict[str, Metrics]):
    """Metrics by the printed name of what was scored, "this model" first.

    Args:
        target: What was learned.
        peak_memory: Bytes that the process had needed before a baseline was fitted; None where the
            system does not tell.

    Attributes:
        baseline_said: (test rows, ...) what the baseline of TF-IDF says; None where it could not be
            made.
        baseline_costs: See `TfidfBaseline.costs`; and `peak_memory_bytes` of a process that chooses
            the baseline and does nothing else.
        baseline_choice: A sentence: what the baseline is and how it was chosen; "" without one.
        entries: Further entries of `metrics.json`.
        sections: Further sections of the model card.
        doubtful: Rows that look mislabelled; None where they were not looked for.
        failures: A sentence on each part that could not be made.
    """

    def __init__(
        self, target: Target, metrics: Mapping[str, Metrics], peak_memory: int | None
    ) -> None:
        super().__init__(metrics)
        self.target = target
        self.peak_memory = peak_memory
        self.baseline_said: np.ndarray | None = None
        self.baseline_costs: dict[str, object] = {}
        self.baseline_choice = ""
        self.entries: Mapping[str, Any] = {}
        self.sections: Mapping[str, Any] = {}
        self.doubtful: DoubtfulRows | None = None
        self.failures: list[str] = []

    def state(self, facts: Facts) -> dict[str, float]:
        """Prints the scores and keeps them for the card.

        Returns:
            The model's scores over all rows, as trackers take them: {"test_accuracy": 0.9, ...}.
        """
        metrics, scoring = self[THIS_MODEL], self.target.scoring
        if self.baseline_choice:
            facts.state("TF-IDF baseline", self.baseline_choice)
        print(f"\n{scoring.table(metrics)}\n\n{scoring.comparison(self)}\n")
        if "per_class" in metrics:
            facts.record("Test metrics per class", metrics["per_class"])
        facts.record("Test metrics beside baselines", scoring.averages(self))
        for heading, value in self.sections.items():
            facts.state(heading, value)
        if self.doubtful is not None:
            facts.state("Doubtful rows", self.doubtful.describe())
        return {f"test_{key}": metrics[key] for key in scoring.tracked}


def score(
    target: Target,
    said: np.ndarray,
    dataset: Dataset,
    *,
    doubtful: bool = False,
    features: Features = lambda: None,
) -> Scores:
    """Scores a model on the test rows, and the baselines trained on the same split.

    What TF-IDF counts and how strong its penalty is, is chosen on the validation rows
    (`TfidfBaseline.choose`).

    Args:
        target: What it learned.
        said: (test rows, ...) what it says, in the order of the rows; see `Target.said`.
        dataset: The rows that the model was trained, watched and tested on.
        doubtful: Whether rows that look mislabelled are looked for.
        features: Makes what they may be looked for in; see `find_doubtful`.

    Returns:
        Metrics by name: "this model" first. What fails is left out, with a sentence.
    """
    peak_memory = backends.peak_memory()
    truth = target.truth(dataset.test["label"])
    metrics = target.scoring.evaluate(truth, said, target.names)
    scores = Scores(target, {THIS_MODEL: metrics}, peak_memory)
    target.add_baselines(scores, dataset)
    with attempt("What else the test says", scores.failures):
        scores.entries, scores.sections = target.findings(truth, said)
    if doubtful:
        with attempt("The search for doubtful rows", scores.failures):
            scores.doubtful = target.doubtful_rows(dataset, features())
    return scores


def text_report(
    scores: Scores,
    history: Mapping[str, Any],
    test: Rows,
    said: np.ndarray,
    *,
    pictures: Sequence[ReportFile] = (),
    validation: Rows | None = None,
    kind: LabelKind | None = None,
    **more: Any,
) -> Report:
    """Returns the function that writes a report into a folder, for `adding_report`.

    A part that fails is left out; the function returns a sentence on each.

    Args:
        scores: What `score` returned.
        history: What `History.to_dict` said of the training.
        test: The test rows.
        said: (test rows, ...) what the model says, in the order of the rows.
        pictures: Further pictures: the name of each ("lengths.png"), and what draws it into a path.
        validation: The validation rows, which are kept for later changes of the model, as by one
            who has to know whether it is as good: they are none of the test's.
        kind: What the field "label" of the rows holds; by default one label.
        **more: Further entries of `metrics.json`.

    Raises:
        ConfigError: Two pictures have the same name.

    Example:
        >>> write = text_report(scores, history.to_dict(), dataset.test, said)
        >>> write(Path("report"))   # metrics.json, loss.png, the task's pictures, predictions.csv,
        >>>                         # baseline_predictions.csv, validation.csv if given
    """
    target, kind = scores.target, kind or LabelKind()
    drawn: list[ReportFile] = [
        ("loss.png", lambda path: plot_loss(dict(history), path)),
        *target.pictures(scores, target.truth(test["label"]), said),
        *pictures,
    ]
    twice = [name for row, (name, _) in enumerate(drawn) if name in dict(drawn[:row])]
    if twice:
        raise ConfigError(f"two pictures of the report have the name {twice[0]}")

    def write_metrics(path: Path) -> None:
        content = {
            "test": scores[THIS_MODEL],
            "baselines": {name: row for name, row in scores.items() if name != THIS_MODEL},
            "baseline_costs": scores.baseline_costs,
            "peak_memory_bytes": scores.peak_memory,
            "machine": backends.machine(),
            **scores.entries,
            **more,
            "history": dict(history),
        }
        storage.write_json(path, content)

    def predictions(rows: np.ndarray) -> Callable[[Path], None]:
        return lambda path: _write_predictions(path, test, rows, target)

    parts: list[ReportFile] = [(METRICS, write_metrics), (PREDICTIONS, predictions(said))]
    if scores.baseline_said is not None:
        parts.append((BASELINE_PREDICTIONS, predictions(scores.baseline_said)))
    if scores.doubtful is not None:
        parts.append((DOUBTFUL, scores.doubtful.write))
    if validation is not None:
        parts.append((VALIDATION, lambda path: _write_rows(path, validation, kind)))
    return lambda folder: [*scores.failures, *write_files(folder, [*parts, *drawn])]


def _write_rows(path: Path, table: Rows, kind: LabelKind) -> None:
    with (
        open(path, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file,
        CsvWriter(file, [*text_fields(table), "label"]) as writer,
    ):
        for text, label in zip(texts_of(table), table["label"], strict=True):
            writer.write([*sides_of(text), kind.cell(label)])


def _write_predictions(path: Path, test: Rows, said: np.ndarray, target: Target) -> None:
    scoring, names = target.scoring, target.names
    with (
        open(path, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file,
        CsvWriter(file, [*text_fields(test), *scoring.heads, *scoring.columns(names)]) as writer,
    ):
        for text, label, row in zip(texts_of(test), test["label"], said, strict=True):
            writer.write([*sides_of(text), *scoring.cells(label, row, names)])
