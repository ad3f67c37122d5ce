"""A number per text: what a model learns, and how it is scored and compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerasft.data.text_pairs import texts_of
from kerasft.errors import attempt
from kerasft.evaluation.report_files import THIS_MODEL, ReportFile
from kerasft.folder import is_saved
from kerasft.folder.manifest import read
from kerasft.tasks.labelled.target import Target
from kerasft.tasks.labelled.tfidf_process import tfidf_result
from kerasft.tasks.regression.pictures import plot_said
from kerasft.tasks.regression.regressor import Standardized, TextRegressor
from kerasft.tasks.regression.scores import MEAN, TFIDF
from kerasft.tasks.regression.task import RegressionTask
from kerasft.tasks.regression.tfidf_ridge import TfidfRidge
from kerasft.text.labels import LabelMap

if TYPE_CHECKING:
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.scoring import Scores
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.tokenizer import LongTexts, Tokenizer

Loss = Literal["mse", "huber"]


@dataclass(frozen=True)
class NumberTarget(Target):
    """A number per text, learned in standard deviations from the mean of the training rows.

    Attributes:
        labels: One name: that of the column.
        standard: The mean and the standard deviation.
        error: `mse`, the mean squared error; or `huber`, which grows by the distance alone from
            one standard deviation on, so that rows far off count for less.

    Example:
        >>> target = NumberTarget.learn(dataset, "stars")
    """

    labels: LabelMap
    standard: Standardized
    error: Loss = "mse"

    scoring = RegressionTask.scoring
    problem_type = RegressionTask.problem_type

    @classmethod
    def learn(cls, dataset: Dataset, name: str, error: Loss = "mse") -> NumberTarget:
        """Takes the scale of the training rows.

        Args:
            dataset: The rows.
            name: What the numbers are.
            error: See the class.

        Raises:
            DataError: The training rows all have one number.
        """
        dataset.kind.check(dataset.train["label"])
        return cls(LabelMap((name,)), Standardized.of(dataset.train["label"]), error)

    def encode(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.encode`: (rows, 1) float32, standardized."""
        return self.standard.encode(labels)

    def truth(self, labels: Sequence[Any]) -> np.ndarray:
        """See `Target.truth`: (rows,) float64."""
        return np.array(labels, float)

    def start(self, model: Any, adapter: Path | None = None) -> None:
        """See `Target.start`: a head that gave the number gives it standardized.

        That of an adapter of ours gave it standardized by the rows of its own run.
        """
        before = Standardized(0.0, 1.0)
        if adapter is not None and is_saved(folder := adapter.resolve().parent):
            settings = read(folder).settings
            before = Standardized(settings.get("mean", 0.0), settings.get("scale", 1.0))
        head, now = model.head[-1], self.standard
        head.kernel.assign(head.kernel * (before.scale / now.scale))
        head.bias.assign((head.bias * before.scale + before.mean - now.mean) / now.scale)

    def loss(self) -> Any:
        """See `Target.loss`."""
        import keras

        losses = {"mse": keras.losses.MeanSquaredError, "huber": keras.losses.Huber}
        return losses[self.error]()

    def metrics(self) -> list[Any]:
        """See `Target.metrics`: the mean distance, in standard deviations."""
        import keras

        return [keras.metrics.MeanAbsoluteError(name="mean_distance")]

    def said(self, outputs: np.ndarray) -> np.ndarray:
        """See `Target.said`: (rows,) float64."""
        return self.standard.decode(outputs)

    def parts(
        self,
        model: Any,
        tokenizer: Tokenizer,
        max_length: int,
        cleaning: Cleaning,
        long_texts: LongTexts,
    ) -> TextRegressor:
        """See `Target.parts`."""
        mean, scale = self.standard.mean, self.standard.scale
        return TextRegressor(
            model, tokenizer, self.labels, max_length, cleaning, long_texts, mean=mean, scale=scale
        )

    def add_baselines(self, scores: Scores, dataset: Dataset) -> None:
        """Adds TF-IDF + ridge, and the mean of the training rows."""
        truth = self.truth(dataset.test["label"])
        train, validation = (
            (texts_of(part), self.truth(part["label"]))
            for part in (dataset.train, dataset.validation)
        )
        with attempt(f"The baseline {TFIDF}", scores.failures):
            baseline = tfidf_result(train, validation, texts_of(dataset.test), 1, kind=TfidfRidge)
            scores[TFIDF] = self.scoring.evaluate(truth, baseline.said, self.names)
            scores.baseline_said = baseline.said
            scores.baseline_choice, scores.baseline_costs = baseline.choice, baseline.costs
        mean = np.full(len(truth), self.standard.mean)
        scores[MEAN] = self.scoring.evaluate(truth, mean, self.names)

    def pictures(self, scores: Scores, truth: np.ndarray, said: np.ndarray) -> Sequence[ReportFile]:
        """Adds a point a row: what was said against what is right."""
        return [("scatter.png", lambda path: plot_said(truth, said, scores[THIS_MODEL], path))]
