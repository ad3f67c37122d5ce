"""How far a classifier's probabilities can be trusted: what its report says of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from kerasft.evaluation.calibration import Calibration, calibration_of
from kerasft.evaluation.confidence_plots import plot_calibration, plot_coverage
from kerasft.evaluation.report_files import ReportFile
from kerasft.evaluation.selective import Selection, selections
from kerasft.evaluation.temperature import softmax


@dataclass(frozen=True)
class Trust:
    """What the test rows say of the probabilities.

    Attributes:
        truth: (rows,) integers, the true classes.
        probabilities: (rows, classes), after the temperature.
        temperature: What the logits were divided by.
        before: How the probabilities without it fit what happened.
        after: Likewise with it.
        selections: What is gained by giving no label where the model is unsure.
    """

    truth: np.ndarray
    probabilities: np.ndarray
    temperature: float
    before: Calibration
    after: Calibration
    selections: list[Selection]

    @classmethod
    def of(cls, truth: np.ndarray, probabilities: np.ndarray, temperature: float) -> Trust:
        """Measures it on test rows.

        Args:
            truth: (rows,) integers, the true classes.
            probabilities: (rows, classes), after the temperature.
            temperature: What the logits were divided by.
        """
        # The logits up to a constant of each row, which a softmax does not see.
        logits = temperature * np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))
        return cls(
            truth,
            probabilities,
            temperature,
            calibration_of(truth, softmax(logits)),
            calibration_of(truth, probabilities),
            selections(truth, probabilities),
        )

    @property
    def metrics(self) -> dict[str, Any]:
        """Entries of `metrics.json`."""
        return {
            "temperature": self.temperature,
            "calibration_before": asdict(self.before),
            "calibration": asdict(self.after),
            "selections": [asdict(each) for each in self.selections],
        }

    @property
    def sections(self) -> Mapping[str, Any]:
        """Sections of the model card."""
        errors: dict[str, dict[str, float]] = {}
        for name, found in self._shown.items():
            errors[name] = {
                "expected calibration error": round(found.ece, 4),
                "Brier score": round(found.brier, 4),
            }
        return {
            "Test probabilities": errors,
            "Test texts with a label, by --min_confidence": {
                f"{each.min_confidence:g}": {
                    "with a label": f"{each.coverage:.1%}",
                    "of these right": f"{each.accuracy:.1%}",
                    "wrong": each.wrong,
                }
                for each in self.selections
            },
        }

    @property
    def pictures(self) -> Sequence[ReportFile]:
        """Files of the report."""
        return [
            ("reliability.png", lambda path: plot_calibration(self._shown, path)),
            (
                "coverage.png",
                lambda path: plot_coverage(self.truth, self.probabilities, self.selections, path),
            ),
        ]

    @property
    def _shown(self) -> dict[str, Calibration]:
        if self.temperature == 1:
            return {"as they are": self.after}
        return {
            "before calibration": self.before,
            f"at temperature {self.temperature:.3g}": self.after,
        }
