"""A classifier with several labels per text: the model, and its thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.tasks.labelled.text_model import TextModel
from kerasft.text.labels import LabelMap

HALF = 0.5


@dataclass(frozen=True)
class MultiLabelClassifier(TextModel):
    """A classifier of texts that may have several labels, or none.

    Attributes:
        thresholds: The probability from which on each label is predicted, in their order;
            () stands for 0.5 everywhere.

    Example:
        >>> names = LabelMap(("billing", "urgent"))
        >>> MultiLabelClassifier(model, tokenizer, names, 128, thresholds=(0.5, 0.31))
    """

    thresholds: tuple[float, ...] = ()

    @property
    def all_thresholds(self) -> np.ndarray:
        """(labels,) float64."""
        return np.array(self.thresholds or [HALF] * len(self.labels))

    @property
    def encoder(self) -> MultiHot:
        """Turns the labels of rows into arrays."""
        return MultiHot(self.labels)


@dataclass(frozen=True)
class MultiHot:
    """Makes arrays of 0 and 1 of rows' labels."""

    labels: LabelMap

    def encode(self, labels: Sequence[Sequence[str]]) -> np.ndarray:
        """(rows, labels) float32: 1 where a row has a label.

        Raises:
            DataError: A label is unknown.
        """
        ids = {name: number for number, name in enumerate(self.labels.names)}
        # Refuses unknown ones, and says which are known.
        self.labels.encode(sorted({name for row in labels for name in row} - ids.keys()))
        found = np.zeros((len(labels), len(ids)), np.float32)
        for row, names in enumerate(labels):
            found[row, [ids[name] for name in names]] = 1
        return found


def probabilities_of(outputs: np.ndarray) -> np.ndarray:
    """Probabilities (texts, labels) float64 of logits (texts, labels), each label independently."""
    from scipy.special import expit

    return expit(outputs.astype(np.float64))
