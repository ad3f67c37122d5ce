"""A model that predicts a number for a text, and the scale of these numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.tasks.labelled.text_model import TextModel


@dataclass(frozen=True)
class TextRegressor(TextModel):
    """A model that predicts a number for a text.

    Attributes:
        labels: One name: what the number is, as the column of the training rows was called.
        mean: Of the numbers of the training rows.
        scale: Their standard deviation; what the head gives is (number - mean) / scale.

    Example:
        >>> TextRegressor(model, tokenizer, LabelMap(("stars",)), 128, mean=3.1, scale=1.2)
    """

    mean: float = 0.0
    scale: float = 1.0

    @property
    def encoder(self) -> Standardized:
        """Turns the labels of rows into arrays."""
        return Standardized(self.mean, self.scale)


@dataclass(frozen=True)
class Standardized:
    """Numbers less their mean, in standard deviations, and back."""

    mean: float
    scale: float

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Standardized:
        """The mean and the standard deviation of numbers, which are not all the same."""
        values = np.array(numbers, float)
        return cls(float(values.mean()), float(values.std()))

    def encode(self, labels: Sequence[float]) -> np.ndarray:
        """What a head is to give: (rows, 1) float32."""
        return ((np.array(labels, float) - self.mean) / self.scale).astype(np.float32)[:, None]

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """The numbers (rows,) float64 of what a head gives, (rows, 1)."""
        return outputs[:, 0].astype(np.float64) * self.scale + self.mean
