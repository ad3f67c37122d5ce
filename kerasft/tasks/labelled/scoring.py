"""How what a model says of test rows is scored: what a task of labelled texts brings, one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kerasft.evaluation.label_scores import Metrics, layout


class Scoring(ABC):
    """The scores of a task.

    What is right (`truth`) and what a model says of it (`said`) are arrays with a row each, in the
    task's own form: see its class.

    Attributes:
        main: The key of the score that decides, which is best when it is highest.
        means: Printed name of each score over all rows -> its key; `main` among them.
        lower: Keys of those that are best when they are lowest.
        tracked: Keys of those that trackers are told.
        drawn: Keys of those that get an interval: quick to compute, again and again.
        baseline: What the baseline of TF-IDF is called.
        heads: The columns of a file of predictions between those of the texts and of the names.
    """

    main: ClassVar[str]
    means: ClassVar[Mapping[str, str]]
    lower: ClassVar[frozenset[str]] = frozenset()
    tracked: ClassVar[tuple[str, ...]]
    drawn: ClassVar[tuple[str, ...]]
    baseline: ClassVar[str]
    heads: ClassVar[tuple[str, ...]] = ("label", "predicted")

    @property
    def main_title(self) -> str:
        """The printed name of the main score."""
        return next(title for title, key in self.means.items() if key == self.main)

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
