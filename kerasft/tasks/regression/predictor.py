"""Numbers for texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.labelled.text_predictor import TextPredictor
from kerasft.tasks.regression.regressor import TextRegressor
from kerasft.tasks.regression.results import NumberPrediction, RegressionFacts
from kerasft.text.pairs import Text


class NumberPredictor(TextPredictor[TextRegressor]):
    """Says a number of each text.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The model on some runtime.
    """

    def __init__(self, opened: Opened, parts: TextRegressor, encoder: Encodes) -> None:
        super().__init__(parts, encoder)
        self.facts = RegressionFacts(
            predicts=parts.labels.names[0],
            mean=parts.mean,
            scale=parts.scale,
            **self.common_facts(opened),
        )

    def predict(self, texts: Sequence[Text]) -> list[NumberPrediction]:
        """See `TaskPredictor.predict`."""
        outputs, cut = self.run(texts)
        values = self.parts.encoder.decode(outputs)
        return [
            NumberPrediction(float(value), bool(was_cut))
            for value, was_cut in zip(values, cut, strict=True)
        ]
