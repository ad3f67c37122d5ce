"""The results and the facts of a classifier of several labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.labelled.text_model import TextModelFacts


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
class MultiLabelFacts(TextModelFacts):
    """The facts about a classifier of several labels, for its metadata."""

    labels: tuple[str, ...] = said("The labels, in the order of the model's outputs.")
    thresholds: dict[str, float] = said("The probability from which on each label is predicted.")
