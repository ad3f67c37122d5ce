"""The `report/` folder of a classifier's run: metrics, pictures and every test prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kerasft import backends, storage
from kerasft.data.csv_writing import CsvWriter
from kerasft.data.rows import Rows
from kerasft.errors import ConfigError, attempt
from kerasft.evaluation.label_scores import (
    MAJORITY,
    TFIDF,
    Metrics,
    comparison,
    evaluate,
    majority,
    means,
    table,
)
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.evaluation.report_files import METRICS, THIS_MODEL, ReportFile, write_files
from kerasft.folder.card import Facts
from kerasft.folder.writing import Report
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.tfidf_process import tfidf_result
from kerasft.text.labels import LabelMap

PREDICTIONS = "predictions.csv"
VALIDATION = "validation.csv"
BASELINE_PREDICTIONS = "baseline_predictions.csv"


class Scores(dict[str, Metrics]):
    """Metrics by the printed name of what was scored, "this model" first.

    Args:
        peak_memory: Bytes that the process had needed before a baseline was fitted; None where the
            system does not tell.

    Attributes:
        baseline_probabilities: (test rows, labels) of TF-IDF + logistic regression; None where it
            could not be made.
        baseline_costs: See `TfidfBaseline.costs`; and `peak_memory_bytes` of a process that chooses
            the baseline and does nothing else.
        baseline_choice: A sentence: what the baseline is and how it was chosen; "" without one.
        failures: A sentence on each baseline that could not be made.
    """

    def __init__(self, metrics: Mapping[str, Metrics], peak_memory: int | None) -> None:
        super().__init__(metrics)
        self.peak_memory = peak_memory
        self.baseline_probabilities: np.ndarray | None = None
        self.baseline_costs: dict[str, object] = {}
        self.baseline_choice = ""
        self.failures: list[str] = []

    def state(self, facts: Facts) -> Metrics:
        """Prints the scores, keeps them for the card, and returns those of this model."""
        metrics = self[THIS_MODEL]
        if self.baseline_choice:
            facts.state("TF-IDF baseline", self.baseline_choice)
        print(f"\n{table(metrics)}\n\n{comparison(self)}\n")
        facts.record("Test metrics per class", metrics["per_class"])
        facts.record("Test metrics beside baselines", means(self))
        return metrics


def score(
    probabilities: np.ndarray,
    dataset: Dataset,
    label_map: LabelMap,
    class_weight: Literal["none", "balanced"] = "none",
) -> Scores:
    """Scores a classifier on the test rows, and the baselines trained on the same split.

    What TF-IDF + logistic regression counts and how strong its penalty is, is chosen on the
    validation rows (`TfidfBaseline.choose`).

    Args:
        probabilities: (test rows, labels), in the order of the rows.
        dataset: The rows that the classifier was trained, watched and tested on.
        class_weight: How the classifier's training weighed the classes, and so the baselines do:
            "balanced" by the inverse of each class's share, "none" all alike.

    Returns:
        Metrics by name: "this model" first. A baseline that fails is left out, with a sentence.
    """
    peak_memory = backends.peak_memory()
    labels, names = label_map.encode(dataset.test["label"]), label_map.names
    weights = None if class_weight == "none" else class_weight
    train, validation = (
        (part["text"], label_map.encode(part["label"]))
        for part in (dataset.train, dataset.validation)
    )
    scores = Scores({THIS_MODEL: evaluate(labels, probabilities, names)}, peak_memory)
    with attempt(f"The baseline {TFIDF}", scores.failures):
        baseline = tfidf_result(
            train, validation, dataset.test["text"], len(names), class_weight=weights
        )
        scores[TFIDF] = evaluate(labels, baseline.probabilities, names)
        scores.baseline_probabilities = baseline.probabilities
        scores.baseline_choice, scores.baseline_costs = baseline.choice, baseline.costs
    scores[MAJORITY] = majority(train[1], labels, names)
    return scores


def classifier_report(
    scores: Scores,
    history: Mapping[str, Any],
    test: Rows,
    probabilities: np.ndarray,
    names: Sequence[str],
    *,
    pictures: Sequence[ReportFile] = (),
    validation: Rows | None = None,
    **more: Any,
) -> Report:
    """Returns the function that writes a report into a folder, for `adding_report`.

    A part that fails is left out; the function returns a sentence on each.

    Args:
        scores: What `score` returned.
        history: What `History.to_dict` said of the training.
        test: The test rows.
        probabilities: (test rows, labels), in the order of the rows.
        names: The labels' names, in id order.
        pictures: Further pictures: the name of each ("lengths.png"), and what draws it into a path.
        validation: The validation rows, which are kept for later changes of the model, as by one
            who has to know whether it is as good: they are none of the test's.
        **more: Further entries of `metrics.json`.

    Raises:
        ConfigError: Two pictures have the same name.

    Example:
        >>> write = classifier_report(scores, history.to_dict(), dataset.test, p, names)
        >>> write(Path("report"))   # metrics.json, loss.png, confusion.png, predictions.csv,
        >>>                         # baseline_predictions.csv, validation.csv if given
    """
    drawn: list[ReportFile] = [
        ("loss.png", lambda path: plot_loss(dict(history), path)),
        ("confusion.png", lambda path: plot_confusion(scores[THIS_MODEL], path)),
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
            **more,
            "history": dict(history),
        }
        storage.write_json(path, content)

    def predictions(rows: np.ndarray) -> Callable[[Path], None]:
        return lambda path: _write_predictions(path, test, rows, names)

    parts: list[ReportFile] = [(METRICS, write_metrics), (PREDICTIONS, predictions(probabilities))]
    if scores.baseline_probabilities is not None:
        parts.append((BASELINE_PREDICTIONS, predictions(scores.baseline_probabilities)))
    if validation is not None:
        parts.append((VALIDATION, lambda path: _write_rows(path, validation)))
    return lambda folder: [*scores.failures, *write_files(folder, [*parts, *drawn])]


def _write_rows(path: Path, table: Rows) -> None:
    with (
        open(path, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file,
        CsvWriter(file, ["text", "label"]) as writer,
    ):
        for row in zip(table["text"], table["label"], strict=True):
            writer.write(row)


def _write_predictions(
    path: Path, test: Rows, probabilities: np.ndarray, names: Sequence[str]
) -> None:
    with (
        open(path, "w+", encoding="utf-8", errors="backslashreplace", newline="") as file,
        CsvWriter(file, ["text", "label", "predicted", *names]) as writer,
    ):
        for text, label, row in zip(test["text"], test["label"], probabilities, strict=True):
            # Nine digits give every float32 back.
            values = (f"{value:.9g}" for value in row)
            writer.write([text, label, names[int(row.argmax())], *values])
