"""The results and the facts of a model that says a number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerasft.tasks.columns import TEXT, said


@dataclass(frozen=True)
class NumberPrediction:
    """The prediction for one text."""

    value: float = said("The number, on the scale of the training rows.")
    cut: bool = said(
        "Whether the text (or the pair) was longer than max_length; the model saw only a part."
    )

    on_screen: ClassVar[tuple[str, ...]] = ("value", TEXT)


@dataclass(frozen=True)
class RegressionFacts:
    """The facts about a model that says a number, for its metadata."""

    predicts: str = said("What the number is: the column of the training rows.")
    mean: float = said("The mean of the training rows' numbers.")
    scale: float = said("Their standard deviation.")
    pooling: str = said("What the head reads: the first token, or the mean of the tokens.")
    cleaning: dict[str, Any] = said("What is done to each text before the tokenizer.")
    text_pairs: bool = said("Whether it reads pairs of texts, and not single ones.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
