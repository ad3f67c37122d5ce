"""Labels for texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.evaluation.temperature import softmax
from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.results import ClassifierFacts, Prediction
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_note, one_of_each_length
from kerasft.text.pairs import Text


class LabelPredictor(TaskPredictor[TextClassifier]):
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
        self._engine = HeadEngine(parts, encoder)
        self._least = min_confidence
        self.parts = parts
        self.keys = parts.labels.names
        self.facts = ClassifierFacts(
            labels=parts.labels.names,
            pooling=opened.manifest.settings["pooling"],
            cleaning=parts.cleaning.to_dict(),
            text_pairs=parts.text_pairs,
            adapter=opened.manifest.has_adapter,
            temperature=parts.temperature,
            min_confidence=min_confidence,
        )
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts, parts.text_pairs)}
        texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]
        self.warm_up_texts = [(each, each) if parts.text_pairs else each for each in texts]

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """See `TaskPredictor.predict`."""
        encodings = self._engine.encode(texts)
        probabilities = softmax(self._engine.run(encodings), self.parts.temperature)
        cut = encodings.full_lengths > encodings.max_length
        return [
            Prediction(
                self.keys[int(row.argmax())] if row.max() >= self._least else None,
                dict(zip(self.keys, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]
