"""Saying a number of a text: what is saved, and how it is read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import Reader, short
from kerasft.folder.opened import Opened
from kerasft.tasks.labelled.text_task import TextTask
from kerasft.tasks.regression.regressor import TextRegressor
from kerasft.tasks.regression.results import NumberPrediction, RegressionFacts
from kerasft.tasks.regression.rows import Numbers
from kerasft.tasks.regression.scores import NumberScoring
from kerasft.tasks.task import TaskPredictor


class RegressionTask(TextTask[TextRegressor]):
    """A number per text."""

    name = "regression"
    parts = TextRegressor
    settings = (*TextTask.settings, "mean", "scale")
    least_labels = 1
    result = NumberPrediction
    facts = RegressionFacts
    problem_type = "regression"
    scoring = NumberScoring()
    kind = Numbers()
    summary = "Predict a number for texts"
    description = "Predicts a number for each text, on the scale of the training rows."
    example = ("I loved every minute of it.", "Never again.")

    def check(self, parts: TextRegressor) -> None:
        """See `Task.check`."""
        super().check(parts)
        if wrong := _wrong_scale(len(parts.labels), parts.mean, parts.scale):
            raise ConfigError(wrong)

    def settings_of(self, parts: TextRegressor) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {**super().settings_of(parts), "mean": parts.mean, "scale": parts.scale}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        data = settings.data
        if wrong := _wrong_scale(data["num_labels"], data["mean"], data["scale"]):
            raise FolderError(f"{settings.file}: {wrong}.")

    def own_parts(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """See `TextTask.own_parts`."""
        return {"mean": float(settings["mean"]), "scale": float(settings["scale"])}

    def open(self, opened: Opened, **options: Any) -> TaskPredictor[TextRegressor]:
        """See `Task.open`."""
        from kerasft.tasks.regression.predictor import NumberPredictor

        return NumberPredictor(opened, *self.load_encoder(opened), **options)

    def file_facts(self, parts: TextRegressor) -> dict[str, str]:
        """See `EncoderTask.file_facts`: the number is output * scale + mean."""
        scale = {"mean": repr(parts.mean), "scale": repr(parts.scale)}
        return {**super().file_facts(parts), **scale}

    def stand_alone(self, parts: TextRegressor) -> TextRegressor:
        """See `Task.stand_alone`: the head gives the number itself."""
        head = parts.model.head[-1]
        head.kernel.assign(head.kernel * parts.scale)
        head.bias.assign(head.bias * parts.scale + parts.mean)
        return replace(parts, mean=0.0, scale=1.0)

    def said_of(self, result: NumberPrediction, names: Sequence[str]) -> float:
        """See `TextTask.said_of`."""
        return result.value

    def compared(self, result: NumberPrediction) -> float:
        """See `TextTask.compared`."""
        # Two models that agree to three digits say the same.
        return float(f"{result.value:.3g}")

    def check_labels(self, parts: TextRegressor, labels: Sequence[Any]) -> None:
        """See `TextTask.check_labels`: there is no unknown number."""

    def gate_scores(
        self, parts: TextRegressor, wanted: Sequence[float], said: Sequence[float]
    ) -> dict[str, float]:
        """See `TextTask.gate_scores`."""
        found = self.scoring.quick(np.array(wanted, float), np.array(said, float))
        return {"R2": 100 * found["r2"], "Pearson": 100 * found["pearson"]}


def _wrong_scale(labels: int, mean: object, scale: object) -> str:
    """What is wrong with the scale; empty if nothing."""
    if labels != 1:
        return f"num_labels is {labels}, but a model that says a number has one output"
    for name, value in (("mean", mean), ("scale", scale)):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):  # type: ignore[arg-type]
            return f"{name} is {short(value)}, but must be a finite number"
    if float(scale) <= 0:  # type: ignore[arg-type]
        return f"scale is {short(scale)}, but a standard deviation is above 0"
    return ""
