"""Numbers for texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.regression.regressor import TextRegressor
from kerasft.tasks.regression.results import NumberPrediction, RegressionFacts
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_note, one_of_each_length
from kerasft.text.pairs import Text


class NumberPredictor(TaskPredictor[TextRegressor]):
    """Says a number of each text.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The model on some runtime.
    """

    def __init__(self, opened: Opened, parts: TextRegressor, encoder: Encodes) -> None:
        self._engine = HeadEngine(parts, encoder)
        self.parts = parts
        self.facts = RegressionFacts(
            predicts=parts.labels.names[0],
            mean=parts.mean,
            scale=parts.scale,
            pooling=opened.manifest.settings["pooling"],
            cleaning=parts.cleaning.to_dict(),
            text_pairs=parts.text_pairs,
            adapter=opened.manifest.has_adapter,
        )
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts, parts.text_pairs)}
        texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]
        self.warm_up_texts = [(each, each) if parts.text_pairs else each for each in texts]

    def predict(self, texts: Sequence[Text]) -> list[NumberPrediction]:
        """See `TaskPredictor.predict`."""
        encodings = self._engine.encode(texts)
        values = self.parts.encoder.decode(self._engine.run(encodings))
        cut = encodings.full_lengths > encodings.max_length
        return [
            NumberPrediction(float(value), bool(was_cut))
            for value, was_cut in zip(values, cut, strict=True)
        ]
