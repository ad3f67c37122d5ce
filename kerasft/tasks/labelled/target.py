"""What a model of texts learns: what varies between the tasks of labelled texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from kerasft.tasks.labelled.scoring import Scores, Scoring
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.text.labels import LabelMap

if TYPE_CHECKING:
    from kerasft.evaluation.report_files import ReportFile
    from kerasft.tasks.labelled.dataset import Dataset
    from kerasft.tasks.labelled.doubtful_rows import DoubtfulRows
    from kerasft.text.cleaning import Cleaning
    from kerasft.text.encodings import LongTexts
    from kerasft.text.tokenizer import Tokenizer


class Target(ABC):
    """What the rows say of their texts, as arrays, a loss, scores and the parts of a folder.

    A task brings one class; a recipe asks it all that is not the same for every task.

    Attributes:
        scoring: How the task's results are scored.
        problem_type: What transformers calls such a head.
        takes_few_rows: Whether texts belong together by what the rows say of them, so that the
            encoder can learn it from few rows.
        labels: The names of the head's outputs.
        class_weight: How training weighs the classes: `balanced` or `none`.
        row_weight: The same for what is done by a weight of each row.
    """

    scoring: ClassVar[Scoring]
    problem_type: ClassVar[str]
    takes_few_rows: ClassVar[bool] = False
    labels: LabelMap
    class_weight: Literal["none", "balanced"] = "none"

    @property
    def row_weight(self) -> Literal["none", "balanced"]:
        """See the class."""
        return "none"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the head's outputs."""
        return self.labels.names

    @property
    def outputs(self) -> int:
        """How many numbers the head gives for a text."""
        return len(self.labels)

    @abstractmethod
    def encode(self, labels: Sequence[Any]) -> np.ndarray:
        """What the model is to give for rows: (rows,) ids, or (rows, outputs) float32.

        Raises:
            DataError: A label is unknown.
        """

    @abstractmethod
    def truth(self, labels: Sequence[Any]) -> np.ndarray:
        """What is right for rows, as `scoring` takes it: (rows, ...)."""

    def start(self, model: Any, adapter: Path | None = None) -> None:
        """Makes a trained head that came with the preset or an adapter give what `encode` returns.

        Args:
            model: The model, with this head on it.
            adapter: The folder of the adapter with which the head came.
        """
        return  # it gives that already

    @abstractmethod
    def loss(self) -> Any:
        """The Keras loss of what the head gives, given what `encode` returns."""

    @abstractmethod
    def metrics(self) -> list[Any]:
        """What is watched while training, as Keras's `weighted_metrics`."""

    @abstractmethod
    def said(self, outputs: np.ndarray) -> np.ndarray:
        """What is said of rows, as `scoring` takes it: (rows, ...), of outputs (rows, outputs)."""

    @property
    def is_open(self) -> bool:
        """Whether a trained model leaves something open that `settle` chooses."""
        return False

    def settle(self, outputs: np.ndarray, labels: Sequence[Any]) -> tuple[Self, list[str]]:
        """Chooses on validation rows what a trained model leaves open, if the task has such.

        Args:
            outputs: (validation rows, outputs) that the head gives.
            labels: What these rows say.

        Returns:
            The target from now on, and sentences on what was chosen; none where nothing is open.
        """
        return self, []

    @abstractmethod
    def parts(
        self,
        model: Any,
        tokenizer: Tokenizer,
        max_length: int,
        cleaning: Cleaning,
        long_texts: LongTexts,
    ) -> TextModel:
        """What is saved: see the class of the task's parts."""

    @abstractmethod
    def add_baselines(self, scores: Scores, dataset: Dataset) -> None:
        """Adds what costs nothing to try, trained on the same split; what fails is left out."""

    def findings(
        self, truth: np.ndarray, said: np.ndarray
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """What else the task has to say of its test.

        Args:
            truth: (rows, ...) what is right.
            said: (rows, ...) what the model said.

        Returns:
            Further entries of `metrics.json`, and further sections of the model card.
        """
        return {}, {}

    def doubtful_rows(
        self, dataset: Dataset, features: tuple[str, np.ndarray] | None
    ) -> DoubtfulRows | None:
        """Rows that look mislabelled; None where the task knows no rule for it.

        Args:
            features: See `find_doubtful`.
        """
        return None

    @abstractmethod
    def pictures(self, scores: Scores, truth: np.ndarray, said: np.ndarray) -> Sequence[ReportFile]:
        """The task's own pictures of its test.

        Args:
            truth: (rows, ...) what is right.
            said: (rows, ...) what the model said.
        """
