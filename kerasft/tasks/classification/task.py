"""Classifying texts: one label a text, of labels that exclude each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kerasft.folder.opened import Opened
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.results import ClassifierFacts, Prediction
from kerasft.tasks.classification.scoring import ClassScoring
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.task import TaskPredictor


class ClassificationTask(TextTask[TextClassifier]):
    """One label a text, of labels that exclude each other."""

    name = "classification"
    parts = TextClassifier
    result = Prediction
    facts = ClassifierFacts
    problem_type = "single_label_classification"
    scoring = ClassScoring()
    kind = LabelKind()
    summary = "Predict the labels of texts"
    description = "Predicts one label per text, with the probability of every label."
    example = ("I loved every minute of it.", "Never again.")

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[TextClassifier]:
        """See `Task.open`."""
        from kerasft.tasks.classification.predictor import LabelPredictor

        return LabelPredictor(opened, *self.load_encoder(opened), **options)

    def said_of(self, result: Prediction, names: Sequence[str]) -> list[float]:
        """See `TextTask.said_of`."""
        return [result.probabilities[name] for name in names]

    def compared(self, result: Prediction) -> str:
        """See `TextTask.compared`."""
        return result.label

    def check_labels(self, parts: TextClassifier, labels: Sequence[str]) -> None:
        """See `TextTask.check_labels`."""
        parts.labels.encode(labels)

    def gate_scores(
        self, parts: TextClassifier, wanted: Sequence[str], said: Sequence[str]
    ) -> dict[str, float]:
        """See `TextTask.gate_scores`."""
        # The label alone counts here, so its probability may as well be 1.
        sure = np.eye(len(parts.labels))[parts.labels.encode(said)]
        found = self.scoring.evaluate(parts.labels.encode(wanted), sure, parts.labels.names)
        return {"accuracy": 100 * found["accuracy"], "macro-F1": 100 * found["macro_f1"]}
