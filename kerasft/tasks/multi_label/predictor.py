"""Labels for texts that may have several."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.multi_label.classifier import MultiLabelClassifier, probabilities_of
from kerasft.tasks.multi_label.results import LabelsPrediction, MultiLabelFacts
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_note, one_of_each_length
from kerasft.text.pairs import Text


class LabelsPredictor(TaskPredictor[MultiLabelClassifier]):
    """Finds the labels of texts.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The classifier on some runtime.
    """

    def __init__(self, opened: Opened, parts: MultiLabelClassifier, encoder: Encodes) -> None:
        self._engine = HeadEngine(parts, encoder)
        self.parts = parts
        self.keys = parts.labels.names
        self._thresholds = parts.all_thresholds
        self.facts = MultiLabelFacts(
            labels=parts.labels.names,
            thresholds=dict(zip(self.keys, self._thresholds.tolist(), strict=True)),
            pooling=opened.manifest.settings["pooling"],
            cleaning=parts.cleaning.to_dict(),
            text_pairs=parts.text_pairs,
            adapter=opened.manifest.has_adapter,
        )
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts, parts.text_pairs)}
        texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]
        self.warm_up_texts = [(each, each) if parts.text_pairs else each for each in texts]

    def predict(self, texts: Sequence[Text]) -> list[LabelsPrediction]:
        """See `TaskPredictor.predict`."""
        encodings = self._engine.encode(texts)
        probabilities = probabilities_of(self._engine.run(encodings))
        cut = encodings.full_lengths > encodings.max_length
        return [
            LabelsPrediction(
                tuple(
                    name
                    for name, value, least in zip(self.keys, row, self._thresholds, strict=True)
                    if value >= least
                ),
                dict(zip(self.keys, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]
