"""Labels for texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

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
    """

    def __init__(self, opened: Opened, parts: TextClassifier, encoder: Encodes) -> None:
        self._engine = HeadEngine(parts, encoder)
        self.parts = parts
        self.keys = parts.labels.names
        self.facts = ClassifierFacts(
            labels=parts.labels.names,
            pooling=opened.manifest.settings["pooling"],
            cleaning=parts.cleaning.to_dict(),
            text_pairs=parts.text_pairs,
            adapter=opened.manifest.has_adapter,
        )
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts, parts.text_pairs)}
        texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]
        self.warm_up_texts = [(each, each) if parts.text_pairs else each for each in texts]

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """See `TaskPredictor.predict`."""
        encodings = self._engine.encode(texts)
        probabilities = softmax(self._engine.run(encodings))
        cut = encodings.full_lengths > encodings.max_length
        return [
            Prediction(
                self.keys[int(row.argmax())],
                dict(zip(self.keys, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (texts, labels) float64 of logits (texts, labels)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
