"""The `report/` folder of a classifier's run: metrics, pictures and every test prediction."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import storage
from kerasft.data.table import Table
from kerasft.evaluation.baselines import baselines
from kerasft.evaluation.classification import Metrics, evaluate
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.text.labels import LabelMap

THIS_MODEL = "this model"


def score(
    probabilities: np.ndarray,
    train: Table,
    test: Table,
    label_map: LabelMap,
    class_weight: str | None = None,
) -> dict[str, Metrics]:
    """Scores a classifier on the test rows, and the baselines trained on the same split.

    Args:
        probabilities: (test rows, labels), in the order of the rows.
        train: What the classifier was trained on, for the baselines.
        test: The test rows.
        label_map: Names of the labels.
        class_weight: "balanced" or None; the baselines weigh the classes as the classifier did.

    Returns:
        Metrics by name: "this model" first.
    """
    labels = label_map.encode(test.labels)
    train_labels = label_map.encode(train.labels)
    names = label_map.names
    others = baselines(
        train.texts, train_labels, test.texts, labels, names, class_weight=class_weight
    )
    return {THIS_MODEL: evaluate(labels, probabilities, names), **others}


def classifier_report(
    scores: Mapping[str, Metrics],
    history: Mapping[str, Any],
    test: Table,
    probabilities: np.ndarray,
    names: Sequence[str],
    **more: Any,
) -> Callable[[Path], None]:
    """Returns the function that writes a report into a folder, for `bundle.save`.

    Args:
        scores: What `score` returned.
        history: What `History.to_dict` said of the training.
        test: The test rows.
        probabilities: (test rows, labels), in the order of the rows.
        names: The labels' names, in id order.
        **more: Further entries of `metrics.json`.

    Example:
        >>> write = classifier_report(scores, history.to_dict(), dataset.test, p, names)
        >>> write(Path("report"))   # metrics.json, loss.png, confusion.png, predictions.csv
    """

    def write(folder: Path) -> None:
        rest = {name: metrics for name, metrics in scores.items() if name != THIS_MODEL}
        content = {"test": scores[THIS_MODEL], "baselines": rest, **more, "history": dict(history)}
        storage.write_json(folder / "metrics.json", content)
        plot_loss(dict(history), folder / "loss.png")
        plot_confusion(scores[THIS_MODEL], folder / "confusion.png")
        with open(folder / "predictions.csv", "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label", "predicted", *names])
            for text, label, row in zip(test.texts, test.labels, probabilities, strict=True):
                predicted = names[int(row.argmax())]
                writer.writerow([text, label, predicted, *(f"{p:.6f}" for p in row)])

    return write
