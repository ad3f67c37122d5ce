"""Ridge regression over TF-IDF: the baseline of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.tasks.regression.scores import NumberScoring
from kerasft.text.pairs import Text


@dataclass(frozen=True)
class TfidfRidge(TfidfBaseline):
    """TF-IDF as for labels, and a ridge regression on it: `C` is 1 / alpha."""

    measure: ClassVar[str] = "R2"
    nothing: ClassVar[str] = "The training rows all have one number, so there is nothing to learn."
    strengths: ClassVar[tuple[float, ...]] = (0.1, 1.0, 10.0)

    @staticmethod
    def members(labels: np.ndarray) -> Any:
        """See `TfidfBaseline.members`: the numbers above the middle one, and the others."""
        import scipy.sparse

        above = labels > np.median(labels)
        return scipy.sparse.csr_matrix(np.stack([above, ~above]).astype(np.float32))

    @staticmethod
    def weigh(counts: Any, labels: np.ndarray, C: float, class_weight: str | None) -> Any:
        """See `TfidfBaseline.weigh`."""
        from sklearn.linear_model import Ridge

        return Ridge(alpha=1 / C, solver="sparse_cg", tol=1e-6).fit(counts, labels[:, None])

    def said(self, texts: Sequence[Text]) -> np.ndarray:
        """The numbers (texts,) float64 of texts."""
        return self.classifier.predict(self.vectorizer.transform(texts)).astype(float).reshape(-1)

    def scores(self, texts: Sequence[Text], labels: np.ndarray) -> tuple[float, float]:
        """See `TfidfBaseline.scores`: R2, and the mean squared error."""
        found = self.said(texts)
        quick = NumberScoring().quick(labels.astype(float), found)
        return quick["r2"], float(((labels - found) ** 2).mean())
