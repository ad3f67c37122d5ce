"""Classifying texts: one label per text, of labels that exclude each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.errors import ConfigError
from kerasft.folder.contents import Reader
from kerasft.folder.opened import Opened
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.results import ClassifierFacts, Prediction
from kerasft.tasks.classification.scoring import ClassScoring
from kerasft.tasks.labelled.label_kind import LabelKind
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.task import MIN_CONFIDENCE, TaskPredictor


class ClassificationTask(TextTask[TextClassifier]):
    """One label per text, of labels that exclude each other."""

    name = "classification"
    parts = TextClassifier
    settings = (*TextTask.settings, "temperature")
    options = (MIN_CONFIDENCE,)
    result = Prediction
    facts = ClassifierFacts
    problem_type = "single_label_classification"
    scoring = ClassScoring()
    kind = LabelKind()
    summary = "Predict the labels of texts"
    description = "Predicts one label per text, with the probability of every label."
    example = ("I loved every minute of it.", "Never again.")

    def check(self, parts: TextClassifier) -> None:
        """See `Task.check`."""
        super().check(parts)
        if not 0 < parts.temperature < np.inf:
            raise ConfigError(f"the temperature is {parts.temperature}, but must be above 0")

    def settings_of(self, parts: TextClassifier) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {**super().settings_of(parts), "temperature": float(parts.temperature)}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        settings.positive("temperature")

    def own_parts(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """See `TextTask.own_parts`."""
        return {"temperature": settings["temperature"]}

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[TextClassifier]:
        """See `Task.open`.

        Raises:
            ConfigError: The least confidence is not from 0 to 1.
        """
        from kerasft.tasks.classification.predictor import LabelPredictor

        least = options.get(MIN_CONFIDENCE.name, 0.0)
        if not 0 <= least <= 1:  # also if it is NaN
            raise ConfigError(
                f"--{MIN_CONFIDENCE.name} is {least}; give a probability from 0 (a label for each "
                "text) to 1."
            )
        return LabelPredictor(opened, *self.load_encoder(opened), **options)

    def before_model(self, parts: TextClassifier) -> list[str]:
        """See `Task.before_model`; and what is done after it."""
        sentences = super().before_model(parts)
        if parts.temperature != 1:
            sentences.append(
                f"Logits are divided by {parts.temperature:.4g} (the temperature) before the "
                "softmax, so that probabilities mean something, which is not part of the export."
            )
        return sentences

    def file_facts(self, parts: TextClassifier) -> dict[str, str]:
        """See `EncoderTask.file_facts`."""
        return {**super().file_facts(parts), "temperature": str(parts.temperature)}

    def said_of(self, result: Prediction, names: Sequence[str]) -> list[float]:
        """See `TextTask.said_of`."""
        return [result.probabilities[name] for name in names]

    def compared(self, result: Prediction) -> str | None:
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
