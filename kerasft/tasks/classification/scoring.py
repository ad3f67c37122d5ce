"""How classifiers are scored: accuracy, macro-F1, weighted F1 and log loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kerasft.evaluation import label_scores, significance
from kerasft.evaluation.label_scores import TFIDF, Metrics
from kerasft.evaluation.significance import class_counts, scores_of
from kerasft.tasks.labelled.scoring import Scoring


class ClassScoring(Scoring):
    """One label per text: `truth` is (rows,) class ids, `said` (rows, classes) probabilities."""

    main = "macro_f1"
    means: ClassVar = {
        "accuracy": "accuracy",
        "macro F1": "macro_f1",
        "weighted F1": "weighted_f1",
        "log loss": "loss",
    }
    lower = frozenset({"loss"})
    tracked = ("accuracy", "macro_f1")
    drawn = ("macro_f1", "accuracy")
    exclusive = True
    baseline = TFIDF

    def evaluate(self, truth: np.ndarray, said: np.ndarray, names: Sequence[str]) -> Metrics:
        """See `Scoring.evaluate`, and `label_scores.evaluate`."""
        return label_scores.evaluate(truth, said, names)

    def quick(self, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
        """See `Scoring.quick`."""
        found = scores_of(class_counts(truth, said.argmax(axis=1), said.shape[1]))
        return {key: float(found[key]) for key in self.drawn}

    def bootstrap(
        self, truth: np.ndarray, said: Mapping[str, np.ndarray], draws: int, seed: int
    ) -> dict[str, dict[str, np.ndarray]]:
        """See `Scoring.bootstrap`; the classes are chosen once, not for each draw."""
        classes = next(iter(said.values())).shape[1]
        predicted = {name: each.argmax(axis=1) for name, each in said.items()}
        return significance.bootstrap(truth, predicted, classes, draws=draws, seed=seed)

    def right(self, truth: np.ndarray, said: np.ndarray) -> np.ndarray:
        """See `Scoring.right`."""
        return said.argmax(axis=1) == truth

    def table(self, metrics: Metrics) -> str:
        """See `Scoring.table`."""
        return label_scores.table(metrics)

    def cells(self, label: Any, said: np.ndarray, names: Sequence[str]) -> list[str]:
        """See `Scoring.cells`."""
        # Nine digits give every float32 back.
        return [label, names[int(said.argmax())], *(f"{value:.9g}" for value in said)]

    def cells_of_truth(self, truth: Any, names: Sequence[str]) -> str:
        """See `Scoring.cells_of_truth`: by the names, whatever the order of the classes."""
        return names[truth]

    def parse(
        self, cells: Sequence[Sequence[str]], names: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.parse`."""
        ids = {name: number for number, name in enumerate(names)}
        truth = np.array([ids[row[0]] for row in cells])
        return truth, np.array([list(map(float, row[2:])) for row in cells])

    def reordered(
        self, truth: np.ndarray, said: np.ndarray, columns: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.reordered`."""
        place = np.argsort(columns)  # the class that had the id i has place[i] now
        return place[truth], said[:, columns]
