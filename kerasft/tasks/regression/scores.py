"""The metrics of numbers, and how tables and files show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from kerasft.errors import DataError
from kerasft.evaluation.label_scores import Metrics, layout
from kerasft.tasks.labelled.scoring import Scoring

TFIDF = "TF-IDF + ridge"
MEAN = "the mean"


class NumberScoring(Scoring):
    """A number per text: `truth` and `said` are (rows,) float64."""

    main = "r2"
    means: ClassVar[Mapping[str, str]] = {
        "R2": "r2",
        "Pearson": "pearson",
        "Spearman": "spearman",
        "MAE": "mae",
        "RMSE": "rmse",
    }
    lower = frozenset({"mae", "rmse"})
    tracked = ("r2", "pearson", "spearman", "mae")
    drawn = ("r2", "pearson", "spearman", "mae")
    baseline = TFIDF

    def evaluate(self, truth: np.ndarray, said: np.ndarray, names: Sequence[str]) -> Metrics:
        """Scores numbers.

        R2 is the share of the numbers' variance that is explained: 0 is as good as always saying
        their mean, below 0 is worse. Pearson's correlation asks for a line, Spearman's for the
        order alone; both are 0 where all that is said is the same. MAE and RMSE, the mean distance
        and the root of the mean squared one, are on the scale of the numbers.

        Returns:
            A dict that JSON can hold: `rows`, and the scores of `means`.

        Raises:
            DataError: No rows, shapes that do not fit, or what is no number.
        """
        truth, said = np.asarray(truth, float), np.asarray(said, float)
        if not len(truth) or truth.shape != said.shape or truth.ndim != 1:
            raise DataError(
                f"Numbers and predictions need the same shape (rows,) of one row or more, not "
                f"{truth.shape} and {said.shape}."
            )
        if not (np.isfinite(truth).all() and np.isfinite(said).all()):
            raise DataError("A number to be scored is not finite.")
        rmse = float(np.sqrt(np.mean((truth - said) ** 2)))
        return {"rows": len(truth), **self.quick(truth, said), "rmse": rmse}

    def quick(self, truth: np.ndarray, said: np.ndarray) -> dict[str, float]:
        """See `Scoring.quick`."""
        from scipy.stats import rankdata

        spread = float(((truth - truth.mean()) ** 2).sum())
        missed = float(((truth - said) ** 2).sum())
        return {
            # Of rows that are all alike nothing can be explained.
            "r2": 1 - missed / spread if spread else 0.0,
            "pearson": _correlation(truth, said),
            "spearman": _correlation(rankdata(truth), rankdata(said)),
            "mae": float(np.abs(truth - said).mean()),
        }

    def table(self, metrics: Metrics) -> str:
        """See `Scoring.table`."""
        rows = [[title, f"{metrics[key]:.3f}"] for title, key in self.means.items()]
        return layout(["", f"{metrics['rows']} rows"], rows)

    def columns(self, names: Sequence[str]) -> Sequence[str]:
        """See `Scoring.columns`: there are no others."""
        return ()

    def cells(self, label: Any, said: np.ndarray, names: Sequence[str]) -> list[str]:
        """See `Scoring.cells`."""
        return [repr(float(label)), repr(float(said))]

    def parse(
        self, cells: Sequence[Sequence[str]], names: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.parse`."""
        both = np.array([[float(cell) for cell in row] for row in cells])
        return both[:, 0], both[:, 1]

    def reordered(
        self, truth: np.ndarray, said: np.ndarray, columns: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """See `Scoring.reordered`: there is one name."""
        return truth, said


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Pearson's correlation of (rows,) and (rows,); 0 where one of them does not vary."""
    one, other = first - first.mean(), second - second.mean()
    size = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / size) if size > 1e-12 * len(one) else 0.0
