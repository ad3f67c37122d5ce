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
from kerasft.evaluation.plots import plot_loss
from kerasft.evaluation.report_files import METRICS, THIS_MODEL, ReportFile, write_files
from kerasft.folder.writing import Report
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.plots import plot_text_lengths
from kerasft.tasks.labelled.scoring import Scores
from kerasft.tasks.labelled.target import Target
from kerasft.text.encodings import Encodings

PREDICTIONS = "predictions.csv"
VALIDATION = "validation.csv"
BASELINE_PREDICTIONS = "baseline_predictions.csv"
DOUBTFUL = "doubtful_rows.csv"

Features = Callable[[], tuple[str, np.ndarray] | None]


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
    scores = Scores(target.scoring, {THIS_MODEL: metrics}, peak_memory)
    target.add_baselines(scores, dataset)
    with attempt("What else the test says", scores.failures):
        scores.entries, scores.sections = target.findings(truth, said)
    if doubtful:
        with attempt("The search for doubtful rows", scores.failures):
            scores.doubtful = target.doubtful_rows(dataset, features())
    return scores


def text_report(
    target: Target,
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
        target: What was learned.
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
        >>> write = text_report(target, scores, history.to_dict(), dataset.test, said)
        >>> write(Path("report"))   # metrics.json, loss.png, the task's pictures, predictions.csv,
        >>>                         # baseline_predictions.csv, validation.csv if given
    """
    kind = kind or LabelKind()
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


def corpus_pictures(dataset: Dataset, encodings: Mapping[str, Encodings]) -> list[ReportFile]:
    """The pictures of the labels (`classes.png`) and `lengths.png`, for `text_report`.

    Args:
        dataset: What `load_labelled` returned.
        encodings: Part -> token ids of its texts, as in `LabelledBatches.encodings`.

    Returns:
        Name of each picture, and what draws it into a path.

    Example:
        >>> report = text_report(..., pictures=corpus_pictures(dataset, batches.encodings))
    """
    after = [label for part in dataset.parts.values() for label in part["label"]]
    lengths = np.concatenate([part.full_lengths for part in encodings.values()])
    max_length = max(part.max_length for part in encodings.values())
    return [
        *dataset.kind.pictures(dataset.before, after),
        ("lengths.png", lambda path: plot_text_lengths(lengths, max_length, path)),
    ]


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
