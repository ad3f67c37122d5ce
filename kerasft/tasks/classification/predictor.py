"""Labels for texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.evaluation.temperature import softmax
from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.results import ClassifierFacts, Prediction
from kerasft.tasks.labelled.text_predictor import TextPredictor
from kerasft.text.pairs import Text


class LabelPredictor(TextPredictor[TextClassifier]):
    """Labels texts.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The classifier on some runtime.
        min_confidence: Texts of which the largest probability is lower get no label; 0 to 1.
    """

    def __init__(
        self,
        opened: Opened,
        parts: TextClassifier,
        encoder: Encodes,
        min_confidence: float = 0.0,
    ) -> None:
        super().__init__(parts, encoder)
        self._least = min_confidence
        self.keys = parts.labels.names
        self.facts = ClassifierFacts(
            labels=parts.labels.names,
            **self.common_facts(opened),
            temperature=parts.temperature,
            min_confidence=min_confidence,
        )

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """See `TaskPredictor.predict`."""
        outputs, cut = self.run(texts)
        probabilities = softmax(outputs, self.parts.temperature)
        return [
            Prediction(
                self.keys[int(row.argmax())] if row.max() >= self._least else None,
                dict(zip(self.keys, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]
