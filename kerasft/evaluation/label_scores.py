"""The metrics of one classifier on one set of rows, and their text tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasft.errors import DataError
from kerasft.folder.card import MOST_ROWS

Metrics = dict[str, Any]

MOST_CONFUSION = 200
"""Classes whose confusion matrix is kept whole: of 2,000 it would be four million numbers."""
CELLS = "confusion_cells"

TFIDF = "TF-IDF + logistic regression"
MAJORITY = "majority class"


def evaluate(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> Metrics:
    """Scores a classifier's probabilities with scikit-learn.

    Accuracy hides classes that are never found, so macro-F1, the plain mean of the classes' F1,
    stands beside it. As in scikit-learn, the mean runs over the classes that occur among the labels
    or the predictions, and a ratio of 0 / 0 (the precision of a class that is never predicted)
    counts as 0.

    Args:
        labels: (rows,) integers, the true classes.
        probabilities: (rows, classes), each row sums to 1; the largest is the prediction.
        names: The classes' names, in id order.

    Returns:
        A dict that JSON can hold: `rows`, `accuracy`, `macro_f1`, `weighted_f1` (by support),
        `loss` (mean of -log p(true class), in nats), `per_class` {name: {`precision`, `recall`,
        `f1`, `support`}} and `confusion`, (classes, classes) counts, the true classes as rows; of
        more than 200 classes instead `confusion_cells`, the counts above 0, each as [true class,
        predicted class, rows].

    Raises:
        DataError: No rows, shapes that do not fit, labels out of range, or probabilities that are
            none (NaN, negative, rows that do not sum to 1).

    Example:
        >>> metrics = evaluate(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), ["a", "b"])
        >>> metrics["accuracy"]
        0.5
    """
    from sklearn import metrics

    labels, probabilities = np.asarray(labels), np.asarray(probabilities, np.float64)
    _check(labels, probabilities, names)
    predicted = probabilities.argmax(axis=1)
    classes = np.arange(len(names))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=classes, zero_division=0
    )
    shared = {"y_true": labels, "y_pred": predicted, "zero_division": 0}
    return {
        "rows": len(labels),
        "accuracy": float(metrics.accuracy_score(labels, predicted)),
        "macro_f1": float(metrics.f1_score(average="macro", **shared)),
        "weighted_f1": float(metrics.f1_score(average="weighted", **shared)),
        "loss": _log_loss(labels, probabilities),
        "per_class": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(names)
        },
        **_confusion(labels, predicted, len(names)),
    }


def majority(train_labels: np.ndarray, test_labels: np.ndarray, names: Sequence[str]) -> Metrics:
    """Always answers the most frequent training class; its probabilities are the training shares.

    Args:
        train_labels: (training rows,) integers.
        test_labels: (test rows,) integers.
        names: The classes' names, in id order.

    Returns:
        As `evaluate`.
    """
    shares = np.bincount(train_labels, minlength=len(names)) / len(train_labels)
    return evaluate(test_labels, np.tile(shares, (len(test_labels), 1)), names)


def confusion_cells(metrics: Metrics) -> np.ndarray:
    """The cells of the confusion matrix above 0: (cells, 3) true class, predicted class, rows.

    Args:
        metrics: What `evaluate` returned.
    """
    if CELLS in metrics:
        return np.asarray(metrics[CELLS], int).reshape(-1, 3)
    counts = np.asarray(metrics["confusion"])
    return np.column_stack([*np.nonzero(counts), counts[counts > 0]])


def _confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> dict[str, list]:
    """The whole matrix, or of very many classes the few cells in which there is something."""
    pairs, rows = np.unique(labels * classes + predicted, return_counts=True)
    cells = np.column_stack([*np.divmod(pairs, classes), rows])
    if classes > MOST_CONFUSION:
        return {CELLS: cells.tolist()}
    whole = np.zeros((classes, classes), int)
    whole[cells[:, 0], cells[:, 1]] = rows
    return {"confusion": whole.tolist()}


def table(metrics: Metrics) -> str:
    """The metrics as a text table, one line a class (100 at most) and the means below.

    Args:
        metrics: What `evaluate` returned.
    """
    rows = [
        [
            name,
            *(f"{score[key]:.3f}" for key in ("precision", "recall", "f1")),
            f"{score['support']}",
        ]
        for name, score in list(metrics["per_class"].items())[:MOST_ROWS]
    ]
    if (more := len(metrics["per_class"]) - MOST_ROWS) > 0:
        rows.append([f"... {more:,} more", "", "", "", ""])
    count = str(metrics["rows"])
    means = [
        ["accuracy", "", "", f"{metrics['accuracy']:.3f}", count],
        ["macro F1", "", "", f"{metrics['macro_f1']:.3f}", count],
        ["weighted F1", "", "", f"{metrics['weighted_f1']:.3f}", count],
        ["log loss", "", "", f"{metrics['loss']:.3f}", count],
    ]
    return layout(["", "precision", "recall", "f1", "rows"], rows, means)


def _check(labels: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> None:
    rows, classes = len(labels), len(names)
    if labels.ndim != 1 or rows == 0:
        raise DataError(f"There is nothing to evaluate: the labels have the shape {labels.shape}.")
    if probabilities.shape != (rows, classes):
        raise DataError(
            f"{rows} labels of {classes} classes need probabilities of the shape "
            f"{(rows, classes)}, not {probabilities.shape}."
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= classes:
        raise DataError(f"The labels must be whole numbers from 0 to {classes - 1}.")
    # Written so that NaN, for which every comparison is false, is caught too.
    sums = probabilities.sum(axis=1)
    good = (probabilities >= 0).all(axis=1) & (np.abs(sums - 1) < 1e-3)
    if not good.all():
        row = int(np.flatnonzero(~good)[0])
        raise DataError(
            f"Row {row} has no probabilities: they must be 0 or more and sum to 1, but are "
            f"{probabilities[row].tolist()}."
        )


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> float:
    of_true_class = probabilities[np.arange(len(labels)), labels] / probabilities.sum(axis=1)
    # A float32 softmax can round to 0; its smallest normal number keeps the loss finite.
    return float(-np.log(np.maximum(of_true_class, np.finfo(np.float32).tiny)).mean())


def layout(header: list[str], *blocks: list[list[str]]) -> str:
    """Left-aligned first column, right-aligned others, a blank line between blocks."""
    lines = [header, *(row for block in blocks for row in block)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]

    def text(line: list[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)),
        ]
        return "  ".join(cells).rstrip()

    return "\n\n".join(
        ["\n".join([text(header), *map(text, blocks[0])])]
        + ["\n".join(map(text, block)) for block in blocks[1:]]
    )
