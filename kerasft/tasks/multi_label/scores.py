"""The metrics of several labels per text, and how tables and files show them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kerasft.errors import DataError
from kerasft.evaluation.label_scores import Metrics, layout
from kerasft.evaluation.significance import scores_of
from kerasft.folder.card import MOST_ROWS
from kerasft.tasks.labelled.scoring import Scoring

TFIDF = "TF-IDF + logistic regressions"
MOST_FREQUENT = "most frequent label"


class LabelsScoring(Scoring):
    """Several labels per text.

    `truth` is (rows, labels) 0 or 1. `said` is (rows, labels, 2): the probability, and 1 where it
    reaches the label's threshold.
    """

    main = "macro_f1"
    means: ClassVar[Mapping[str, str]] = {
        "macro F1": "macro_f1",
        "micro F1": "micro_f1",
        "samples F1": "samples_f1",
        "all labels right": "subset_accuracy",
        "macro AP": "macro_average_precision",
        "log loss": "loss",
    }
    lower = frozenset({"loss"})
    tracked = ("micro_f1", "macro_f1", "macro_average_precision")
    drawn = ("macro_f1", "micro_f1", "samples_f1", "subset_accuracy")
    baseline = TFIDF

    def evaluate(self, truth: np.ndarray, said: np.ndarray, names: Sequence[str]) -> Metrics:
        """Scores several labels.

        Micro-F1 counts all labels of all rows together; macro-F1 is the plain mean over the labels
        that occur among the rows or are said; samples-F1 the mean over the rows, 1 for a row that
        has no label and gets none. A ratio of 0 / 0 counts as 0 otherwise. The average precision
        needs no threshold: the area under the steps of precision over recall.

        Returns:
            A dict that JSON can hold: `rows`, the scores of `means` (`subset_accuracy`: the share
            of the rows whose labels are all right; `loss`: binary cross-entropy, the mean over rows
            and labels, in nats), `micro_average_precision`, `labels_per_row` and
            `said_per_row`, and `per_class` {name: {`precision`, `recall`, `f1`,
            `average_precision`, `support`}}.

        Raises:
            DataError: No rows, shapes that do not fit, or probabilities that are none.
        """
        truth, said = np.asarray(truth), np.asarray(said, np.float64)
        if not len(truth) or said.shape != (*truth.shape, 2) or truth.shape[1] != len(names):
            raise DataError(
                f"{len(names)} labels need arrays (rows, {len(names)}) and (rows, {len(names)}, 2) "
                f"of one row or more, not {truth.shape} and {said.shape}."
            )
        found, chosen = said[..., 0], said[..., 1]
        if not ((found >= 0) & (found <= 1)).all():  # also if one is NaN
            raise DataError("A probability of a label is not from 0 to 1.")
        each = scores_of(_counts(truth, chosen))
        precise, macro, micro = average_precision(truth, found)
        likely = np.maximum(np.where(truth > 0, found, 1 - found), np.finfo(np.float32).tiny)
        quick = self.quick(truth, said)
        return {
            "rows": len(truth),
            **{key: quick[key] for key in ("macro_f1", "micro_f1", "samples_f1")},
            "subset_accuracy": quick["subset_accuracy"],
            "macro_average_precision": macro,
            "micro_average_precision": micro,
            "loss": float(-np.log(likely).mean()),
            "labels_per_row": float(truth.sum(axis=1).mean()),
            "said_per_row": float(chosen.sum(axis=1).mean()),
            "per_class": {
                name: {
                    **{
                        key: float(np.nan_to_num(each[key][number]))
                        for key in ("precision", "recall", "f1")
                    },
                    "average_precision": float(precise[number]),
                    "support": int(truth[:, number].sum()),
                }
                for number, name in enumerate(names)
            },
        }

    def quick(self, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
        """See `Scoring.quick`."""
        chosen = said[..., 1]
        hits = (truth * chosen).sum(axis=1)
        both = truth.sum(axis=1) + chosen.sum(axis=1)  # (rows,)
        samples = np.where(both > 0, 2 * hits / np.maximum(both, 1), 1.0)
        with np.errstate(invalid="ignore"):
            macro = float(np.nan_to_num(scores_of(_counts(truth, chosen))["macro_f1"]))
        return {
            "macro_f1": macro,
            "micro_f1": float(2 * hits.sum() / max(both.sum(), 1)),
            "samples_f1": float(samples.mean()),
            "subset_accuracy": float((truth == chosen).all(axis=1).mean()),
        }

    def right(self, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
        """See `Scoring.right`: the rows of which all labels are."""
        return np.asarray((truth == said[..., 1]).all(axis=1))

    def table(self, metrics: Metrics) -> str:
        """The metrics as a text table, one line a label (100 at most) and the means below."""
        keys = ("precision", "recall", "f1", "average_precision")
        rows = [
            [name, *(f"{score[key]:.3f}" for key in keys), f"{score['support']}"]
            for name, score in list(metrics["per_class"].items())[:MOST_ROWS]
        ]
        if (more := len(metrics["per_class"]) - MOST_ROWS) > 0:
            rows.append([f"... {more:,} more", "", "", "", "", ""])
        count = str(metrics["rows"])
        means = [
            [title, "", "", f"{metrics[key]:.3f}", "", count]
            for title, key in self.means.items()
            if key != "macro_average_precision"
        ]
        means.insert(
            3, ["macro AP", "", "", "", f"{metrics['macro_average_precision']:.3f}", count]
        )
        return layout(["", "precision", "recall", "f1", "AP", "rows"], rows, means)

    def cells(self, label: Any, said: np.ndarray, names: Sequence[str]) -> list[str]:
        """See `Scoring.cells`: labels are lists in JSON."""
        chosen = [name for name, (_, is_said) in zip(names, said, strict=True) if is_said]
        lists = [json.dumps(found, ensure_ascii=False) for found in (list(label), chosen)]
        return [*lists, *(f"{probability:.9g}" for probability, _ in said)]

    def cells_of_truth(self, truth: Any, names: Sequence[str]) -> list[str]:
        """See `Scoring.cells_of_truth`: by the names, whatever their order."""
        return sorted(name for name, has in zip(names, truth, strict=True) if has)

    def parse(
        self, cells: Sequence[Sequence[str]], names: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.parse`."""
        ids = {name: number for number, name in enumerate(names)}
        both = np.zeros((2, len(cells), len(names)))
        for number in (0, 1):
            for row, columns in enumerate(cells):
                both[number, row, [ids[name] for name in json.loads(columns[number])]] = 1
        found = np.array([list(map(float, columns[2:])) for columns in cells])
        return both[0], np.stack([found, both[1]], axis=-1)

    def reordered(
        self, truth: np.ndarray, said: np.ndarray, columns: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.reordered`."""
        return truth[:, columns], said[:, columns]


def average_precision(
    truth: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, float, float]:
    """How well each label's rows are ranked above the others.

    Args:
        truth: (rows, labels) 0 or 1.
        probabilities: (rows, labels).

    Returns:
        (labels,) of each label, 0 where no row has it; the mean over those that rows have; and that
        of all labels of all rows together.
    """
    from sklearn.metrics import average_precision_score

    occurs = truth.sum(axis=0) > 0
    each = np.zeros(truth.shape[1])
    for label in np.flatnonzero(occurs):
        each[label] = average_precision_score(truth[:, label], probabilities[:, label])
    if not occurs.any():
        return each, 0.0, 0.0
    micro = average_precision_score(truth.ravel(), probabilities.ravel())
    return each, float(each[occurs].mean()), float(micro)


def _counts(truth: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Hits, said and true rows of each label: (3, labels)."""
    hits = (truth * chosen).sum(axis=0)
    return np.stack([hits, chosen.sum(axis=0), truth.sum(axis=0)])
