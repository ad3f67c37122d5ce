"""Labels for texts that may have several."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.labelled.text_predictor import TextPredictor
from kerasft.tasks.multi_label.classifier import MultiLabelClassifier, probabilities_of
from kerasft.tasks.multi_label.results import LabelsPrediction, MultiLabelFacts
from kerasft.text.pairs import Text


class LabelsPredictor(TextPredictor[MultiLabelClassifier]):
    """Finds the labels of texts.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The classifier on some runtime.
    """

    def __init__(self, opened: Opened, parts: MultiLabelClassifier, encoder: Encodes) -> None:
        super().__init__(parts, encoder)
        self.keys = parts.labels.names
        self._thresholds = parts.all_thresholds
        self.facts = MultiLabelFacts(
            labels=parts.labels.names,
            thresholds=dict(zip(self.keys, self._thresholds.tolist(), strict=True)),
            **self.common_facts(opened),
        )

    def predict(self, texts: Sequence[Text]) -> list[LabelsPrediction]:
        """See `TaskPredictor.predict`."""
        outputs, cut = self.run(texts)
        probabilities = probabilities_of(outputs)
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
