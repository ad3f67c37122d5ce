"""The results and the facts of a classifier of several labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerasft.tasks.columns import TEXT, said


@dataclass(frozen=True)
class LabelsPrediction:
    """The prediction for one text."""

    labels: tuple[str, ...] = said(
        "The labels whose probability reaches their threshold; there may be none.", join="; "
    )
    probabilities: dict[str, float] = said(
        "Every label's probability, in the order of the model's labels; each by itself, from 0 to "
        "1.",
        column="probability",
    )
    cut: bool = said(
        "Whether the text (or the pair) was longer than max_length; the model saw only a part."
    )

    on_screen: ClassVar[tuple[str, ...]] = (TEXT, "probabilities", "labels")


@dataclass(frozen=True)
class MultiLabelFacts:
    """The facts about a classifier of several labels, for its metadata."""

    labels: tuple[str, ...] = said("The labels, in the order of the model's outputs.")
    thresholds: dict[str, float] = said("The probability from which on each label is predicted.")
    pooling: str = said("What the head reads: the first token, or the mean of the tokens.")
    cleaning: dict[str, Any] = said("What is done to each text before the tokenizer.")
    text_pairs: bool = said("Whether it reads pairs of texts, and not single ones.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
