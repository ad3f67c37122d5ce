"""Finding the labels of texts that may have several: what is saved, and how it is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import Reader, short
from kerasft.folder.opened import Opened
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.multi_label.classifier import MultiLabelClassifier
from kerasft.tasks.multi_label.results import LabelsPrediction, MultiLabelFacts
from kerasft.tasks.multi_label.rows import SeveralLabels
from kerasft.tasks.multi_label.scores import LabelsScoring
from kerasft.tasks.task import TaskPredictor


class MultiLabelTask(TextTask[MultiLabelClassifier]):
    """Several labels per text, or none."""

    name = "multi_label"
    parts = MultiLabelClassifier
    settings = (*TextTask.settings, "thresholds")
    least_labels = 1
    result = LabelsPrediction
    facts = MultiLabelFacts
    problem_type = "multi_label_classification"
    scoring = LabelsScoring()
    kind = SeveralLabels()
    summary = "Find the labels of texts, several or none"
    description = (
        "Finds the labels of each text, which may be several or none, with the probability of each."
    )
    example = ("The invoice is wrong, and the app crashes.", "Thank you!")

    def check(self, parts: MultiLabelClassifier) -> None:
        """See `Task.check`."""
        super().check(parts)
        wrong = _wrong_thresholds([*parts.all_thresholds.tolist()], len(parts.labels))
        if wrong:
            raise ConfigError(wrong)

    def settings_of(self, parts: MultiLabelClassifier) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {**super().settings_of(parts), "thresholds": parts.all_thresholds.tolist()}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        wrong = _wrong_thresholds(settings.data["thresholds"], settings.data["num_labels"])
        if wrong:
            raise FolderError(f"{settings.file}: {wrong}.")

    def own_parts(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """See `TextTask.own_parts`."""
        return {"thresholds": tuple(map(float, settings["thresholds"]))}

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[MultiLabelClassifier]:
        """See `Task.open`."""
        from kerasft.tasks.multi_label.predictor import LabelsPredictor

        return LabelsPredictor(opened, *self.load_encoder(opened), **options)

    def before_model(self, parts: MultiLabelClassifier) -> list[str]:
        """See `Task.before_model`."""
        names = zip(parts.labels.names, parts.all_thresholds, strict=True)
        said = ", ".join(f"{name} {value:.4g}" for name, value in names)
        return [
            *super().before_model(parts),
            "The outputs are logits, each label by itself; a label is said where its probability, "
            f"1 / (1 + exp(-logit)), reaches its threshold, which is not part of the export: {said}"
            ".",
        ]

    def file_facts(self, parts: MultiLabelClassifier) -> dict[str, str]:
        """See `EncoderTask.file_facts`."""
        thresholds = json.dumps(parts.all_thresholds.tolist())
        return {**super().file_facts(parts), "thresholds": thresholds}

    def said_of(self, result: LabelsPrediction, names: Sequence[str]) -> list[list[float]]:
        """See `TextTask.said_of`."""
        return [[result.probabilities[name], float(name in result.labels)] for name in names]

    def compared(self, result: LabelsPrediction) -> tuple[str, ...]:
        """See `TextTask.compared`."""
        return result.labels

    def check_labels(self, parts: MultiLabelClassifier, labels: Sequence[Any]) -> None:
        """See `TextTask.check_labels`."""
        parts.encoder.encode(labels)

    def gate_scores(
        self, parts: MultiLabelClassifier, wanted: Sequence[Any], said: Sequence[Any]
    ) -> dict[str, float]:
        """See `TextTask.gate_scores`."""
        chosen = parts.encoder.encode(said)
        found = self.scoring.quick(parts.encoder.encode(wanted), np.stack([chosen, chosen], -1))
        return {"micro-F1": 100 * found["micro_f1"], "macro-F1": 100 * found["macro_f1"]}


def _wrong_thresholds(thresholds: object, labels: int) -> str:
    """What is wrong with thresholds; empty if nothing."""
    if not isinstance(thresholds, list):
        return f"thresholds is {short(thresholds)}, but must be a list of numbers"
    if len(thresholds) != labels:
        return f"thresholds has {len(thresholds)} numbers, but the model has {labels} labels"
    for value in thresholds:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not 0 < value < 1:
            return f"thresholds has {short(value)}, but a threshold lies above 0 and below 1"
    return ""
