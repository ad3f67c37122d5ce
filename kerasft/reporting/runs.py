"""What saved classifiers left of their test, read and checked: all of them saw the same rows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.data.csv_files import csv_rows
from kerasft.data.rows import quoted
from kerasft.data.splits import normalize
from kerasft.data.text_files import open_text
from kerasft.data.text_pairs import TEXT_PAIR, sides_of
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.evaluation.report_files import METRICS
from kerasft.folder import Manifest, contents, verify
from kerasft.folder.reading import problem
from kerasft.tasks.labelled.report import BASELINE_PREDICTIONS, PREDICTIONS
from kerasft.tasks.labelled.scoring import Scoring
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.saved import check_manifest
from kerasft.text.pairs import Text


@dataclass(frozen=True)
class Run:
    """One saved classifier and what it said of its test rows.

    Attributes:
        name: How the report calls it.
        folder: Where it lies.
        manifest: What its `manifest.json` says.
        report: Its `report/metrics.json`.
        labels: The names of the classes, in the order of the columns of the probabilities.
        texts: The test texts, or pairs, in an order that depends on the rows alone.
        truth: (rows, ...) what is right; of a classifier (rows,) the class of each.
        said: (rows, ...) what the model says, as the task scores it; of a classifier (rows,
            classes).
        baseline: (rows, ...) the same of the baseline of TF-IDF, fitted on the same training rows;
            None where the run left none.
        task: Its task.
    """

    name: str
    folder: Path
    manifest: Manifest
    report: dict[str, Any]
    labels: tuple[str, ...]
    texts: list[Text]
    truth: np.ndarray
    said: np.ndarray
    baseline: np.ndarray | None
    task: TextTask[Any]


def read_runs(folders: Sequence[str | Path], least: int = 2) -> list[Run]:
    """Reads saved classifiers that were tested on the same rows.

    Args:
        folders: Folders that recipes saved.
        least: How many there must be.

    Raises:
        ConfigError: There are fewer, or one stands there twice.
        FolderError: One is missing, broken or no classifier, has no test predictions, other classes
            or another test than the first.

    Example:
        >>> [run.name for run in read_runs(["saved_models/a", "saved_models/b"])]
        ['a', 'b']
    """
    if len(folders) < least:
        raise ConfigError(
            f"a comparison needs two folders or more, but --folders names {len(folders)}"
        )
    places = [os.path.realpath(folder) for folder in folders]
    for row, (folder, place) in enumerate(zip(folders, places, strict=True)):
        if place in places[:row]:
            raise ConfigError(f"--folders names {folder} twice")
    names = _names(folders)
    first, *others = [
        _read(Path(folder), name) for folder, name in zip(folders, names, strict=True)
    ]
    return [first, *(_aligned(first, run) for run in others)]


def gap(run: Run, rows: Sequence[int], said: np.ndarray) -> float:
    """The largest difference between what a model says now and what it said in its test.

    Args:
        rows: Some of its test rows.
        said: (rows, ...) what its model says of these now.
    """
    return float(np.abs(run.said[rows] - said).max())


def _names(folders: Sequence[str | Path]) -> list[str]:
    """The folders' own names, or as much of their paths as tells them apart."""
    parts = [Path(os.path.abspath(folder)).parts for folder in folders]
    for depth in range(1, max(map(len, parts))):
        names = ["/".join(path[-depth:]) for path in parts]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _read(folder: Path, name: str) -> Run:
    storage.recover(folder)
    if not folder.exists():
        raise FolderError(
            f"there is no folder {folder}; train that model first, or name others with --folders"
        )
    manifest = verify(folder)
    task = check_manifest(folder, manifest, TextModel)
    assert isinstance(task, TextTask)
    file = folder / contents.REPORT / METRICS
    report = storage.read_json(file, FolderError)
    if not isinstance(report, dict) or not isinstance(report.get("test_sha256"), str):
        raise FolderError(f"{file} has no 'test_sha256', so it is not known which rows were tested")
    labels, texts, truth, said = _read_predictions(file.with_name(PREDICTIONS), task.scoring)
    beside = file.with_name(BASELINE_PREDICTIONS)
    baseline = None
    if beside.exists():
        *same, their_truth, baseline = _read_predictions(beside, task.scoring)
        if same != [labels, texts] or not np.array_equal(their_truth, truth):
            raise FolderError(f"{beside} does not have the rows of {PREDICTIONS} beside it")
    run = Run(name, folder, manifest, report, labels, texts, truth, said, baseline, task)
    keys = [
        (_normalized(text), task.scoring.cells_of_truth(right, labels), sides_of(text))
        for text, right in zip(texts, truth, strict=True)
    ]
    rows = np.array(sorted(range(len(keys)), key=keys.__getitem__))
    return replace(
        run,
        texts=[texts[row] for row in rows],
        truth=truth[rows],
        said=said[rows],
        baseline=None if baseline is None else baseline[rows],
    )


def _read_predictions(
    file: Path, scoring: Scoring
) -> tuple[tuple[str, ...], list[Text], np.ndarray, np.ndarray]:
    """The names, texts, what is right (rows, ...) and what was said (rows, ...) of a file."""
    if not file.exists():
        raise FolderError(
            f"{file} is missing; train that model again, so that its test predictions are kept"
        )
    try:
        with open_text(file, nul=True) as text_file, csv_rows(text_file, ",") as found:
            rows = [fields for _, fields in found]
        pairs = found.header[1] == TEXT_PAIR
        first = 2 if pairs else 1
        labels = tuple(found.header[first + len(scoring.heads) :])
        texts: list[Text] = [(row[0], row[1]) if pairs else row[0] for row in rows]
        truth, said = scoring.parse([row[first:] for row in rows], labels)
        scoring.evaluate(truth, said, labels)
        return labels, texts, truth, said
    except (ValueError, LookupError, DataError) as error:
        raise FolderError(
            f"{file} does not hold predictions as a recipe leaves them ({problem(error)})"
        ) from error


def _normalized(text: Text) -> list[str]:
    return list(map(normalize, sides_of(text)))


def _aligned(first: Run, run: Run) -> Run:
    """The run with its classes in the order of the first's, if both were tested alike.

    Raises:
        FolderError: They were not.
    """
    if first.task is not run.task:
        raise FolderError(
            f"{first.folder} is a model for {first.task.name} and {run.folder} one for "
            f"{run.task.name}; compare models of one task"
        )
    if set(first.labels) != set(run.labels):
        raise FolderError(
            f"{first.folder} and {run.folder} have different classes: {quoted(first.labels)} and "
            f"{quoted(run.labels)}; train them on the same classes"
        )
    ours, theirs = first.report["test_sha256"], run.report["test_sha256"]
    if ours != theirs:
        raise FolderError(
            f"{first.folder} and {run.folder} were tested on different rows (test_sha256 "
            f"{ours[:12]} and {theirs[:12]}); train them on the same data with the same options "
            "of cleaning and split"
        )
    columns = [run.labels.index(label) for label in first.labels]
    scoring = run.task.scoring
    truth, said = scoring.reordered(run.truth, run.said, columns)
    baseline = run.baseline
    if baseline is not None:
        _, baseline = scoring.reordered(run.truth, baseline, columns)
    run = replace(run, labels=first.labels, truth=truth, said=said, baseline=baseline)
    same = list(map(_normalized, first.texts)) == list(map(_normalized, run.texts))
    if not same or not np.array_equal(first.truth, run.truth):
        raise FolderError(
            f"{first.folder} and {run.folder} were tested on the same texts with different labels; "
            "train them on the same data"
        )
    return run
