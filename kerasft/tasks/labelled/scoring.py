"""How what a model says of test rows is scored: what a task of labelled texts brings, one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from kerasft.evaluation.label_scores import Metrics, layout
from kerasft.evaluation.report_files import THIS_MODEL

if TYPE_CHECKING:
    from kerasft.folder.card import Facts
    from kerasft.tasks.labelled.doubtful_rows import DoubtfulRows


class Scoring(ABC):
    """The scores of a task.

    What is right (`truth`) and what a model says of it (`said`) are arrays with a row each, in the
    task's own form: see its class.

    Attributes:
        main: The key of the score that decides, which is best when it is highest.
        means: Printed name of each score over all rows -> its key; `main` among them.
        lower: Keys of those that are best when they are lowest.
        tracked: Keys of those that trackers are told.
        drawn: Keys of those that get an interval: quick to compute, again and again; `main` first.
        exclusive: Whether each row is of one class, so that there is a confusion matrix.
        baseline: What the baseline of TF-IDF is called.
        heads: The columns of a file of predictions between those of the texts and of the names.
    """

    main: ClassVar[str]
    means: ClassVar[Mapping[str, str]]
    lower: ClassVar[frozenset[str]] = frozenset()
    tracked: ClassVar[tuple[str, ...]]
    drawn: ClassVar[tuple[str, ...]]
    exclusive: ClassVar[bool] = False
    baseline: ClassVar[str]
    heads: ClassVar[tuple[str, ...]] = ("label", "predicted")

    @property
    def main_title(self) -> str:
        """The printed name of the main score."""
        return next(title for title, key in self.means.items() if key == self.main)

    @property
    def main_words(self) -> str:
        """The main score in a sentence: "macro-F1"."""
        return self.main_title.replace(" F1", "-F1")

    @abstractmethod
    def evaluate(self, truth: np.ndarray, said: np.ndarray, names: Sequence[str]) -> Metrics:
        """All metrics, a dict that JSON can hold.

        Args:
            truth: (rows, ...) what is right.
            said: (rows, ...) what the model says.
            names: The names of the head's outputs.

        Raises:
            DataError: There is nothing to evaluate, or the arrays do not fit.
        """

    @abstractmethod
    def quick(self, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
        """The scores `drawn`, of any rows: (rows, ...) each."""

    def bootstrap(
        self, truth: np.ndarray, said: Mapping[str, np.ndarray], draws: int, seed: int
    ) -> dict[str, dict[str, np.ndarray]]:
        """The scores `drawn` of rows drawn with replacement, the same ones for all.

        Args:
            truth: (rows, ...) what is right.
            said: What each model says, (rows, ...).
            draws: How often rows are drawn.
            seed: Chooses the draws.

        Returns:
            For each model and score (draws,).
        """
        random = np.random.default_rng(seed)
        found = {name: {key: np.empty(draws) for key in self.drawn} for name in said}
        for draw in range(draws):
            rows = random.integers(len(truth), size=len(truth))
            for name, each in said.items():
                for key, value in self.quick(truth[rows], each[rows]).items():
                    found[name][key][draw] = value
        return found

    def right(self, truth: np.ndarray, said: np.ndarray) -> np.ndarray | None:
        """Which rows are right, (rows,) bool; None where rows are nearer or farther, not right."""
        return None

    @abstractmethod
    def table(self, metrics: Metrics) -> str:
        """The metrics as a text table."""

    def averages(self, results: Mapping[str, Metrics]) -> dict[str, dict[str, float]]:
        """The scores over all rows by their printed names, for each that was scored."""
        return {
            name: {title: found[key] for title, key in self.means.items()}
            for name, found in results.items()
        }

    def comparison(self, results: Mapping[str, Metrics]) -> str:
        """Several results side by side, one line each."""
        rows = [
            [name, *(f"{value:.3f}" for value in row.values())]
            for name, row in self.averages(results).items()
        ]
        return layout(["", *self.means], rows)

    def columns(self, names: Sequence[str]) -> Sequence[str]:
        """The columns of a file of predictions after the `heads`."""
        return names

    @abstractmethod
    def cells(self, label: Any, said: np.ndarray, names: Sequence[str]) -> list[str]:
        """A row of a file of predictions, without the texts: `heads`, then `columns`.

        Args:
            label: What the row says.
            said: What the model says of it, a row of its array.
        """

    def cells_of_truth(self, truth: Any, names: Sequence[str]) -> Any:
        """What is right for a row, as something that orders rows.

        Args:
            truth: A row of `truth`.
        """
        return np.asarray(truth).tolist()

    @abstractmethod
    def parse(
        self, cells: Sequence[Sequence[str]], names: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What is right and what was said, of rows as `cells` writes them.

        Raises:
            ValueError: They are none.
            LookupError: Likewise.
        """

    @abstractmethod
    def reordered(
        self, truth: np.ndarray, said: np.ndarray, columns: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same with the names in another order.

        Args:
            columns: Which of the old names stands at each place.
        """


class Scores(dict[str, Metrics]):
    """Metrics by the printed name of what was scored, "this model" first.

    Args:
        scoring: How the task's results are scored.
        peak_memory: Bytes that the process had needed before a baseline was fitted; None where the
            system does not tell.

    Attributes:
        baseline_said: (test rows, ...) what the baseline of TF-IDF says; None where it could not be
            made.
        baseline_costs: See `TfidfBaseline.costs`; and `peak_memory_bytes` of a process that chooses
            the baseline and does nothing else.
        baseline_choice: A sentence: what the baseline is and how it was chosen; "" without one.
        entries: Further entries of `metrics.json`.
        sections: Further sections of the model card.
        doubtful: Rows that look mislabelled; None where they were not looked for.
        failures: A sentence on each part that could not be made.
    """

    def __init__(
        self, scoring: Scoring, metrics: Mapping[str, Metrics], peak_memory: int | None
    ) -> None:
        super().__init__(metrics)
        self.scoring = scoring
        self.peak_memory = peak_memory
        self.baseline_said: np.ndarray | None = None
        self.baseline_costs: dict[str, object] = {}
        self.baseline_choice = ""
        self.entries: Mapping[str, Any] = {}
        self.sections: Mapping[str, Any] = {}
        self.doubtful: DoubtfulRows | None = None
        self.failures: list[str] = []

    def state(self, facts: Facts) -> dict[str, float]:
        """Prints the scores and keeps them for the card.

        Returns:
            The model's scores over all rows, as trackers take them: {"test_accuracy": 0.9, ...}.
        """
        metrics, scoring = self[THIS_MODEL], self.scoring
        if self.baseline_choice:
            facts.state("TF-IDF baseline", self.baseline_choice)
        print(f"\n{scoring.table(metrics)}\n\n{scoring.comparison(self)}\n")
        if "per_class" in metrics:
            facts.record("Test metrics per class", metrics["per_class"])
        facts.record("Test metrics beside baselines", scoring.averages(self))
        for heading, value in self.sections.items():
            facts.state(heading, value)
        if self.doubtful is not None:
            facts.state("Doubtful rows", self.doubtful.describe())
        return {f"test_{key}": metrics[key] for key in scoring.tracked}
