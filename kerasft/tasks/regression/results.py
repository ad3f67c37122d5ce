"""The results and the facts of a model that says a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.labelled.text_model import TextModelFacts


@dataclass(frozen=True)
class NumberPrediction:
    """The prediction for one text."""

    value: float = said("The number, on the scale of the training rows.")
    cut: bool = said(
        "Whether the text (or the pair) was longer than max_length; the model saw only a part."
    )

    on_screen: ClassVar[tuple[str, ...]] = ("value", TEXT)


@dataclass(frozen=True)
class RegressionFacts(TextModelFacts):
    """The facts about a model that says a number, for its metadata."""

    predicts: str = said("What the number is: the column of the training rows.")
    mean: float = said("The mean of the training rows' numbers.")
    scale: float = said("Their standard deviation.")
