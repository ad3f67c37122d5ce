"""The results and the facts of a classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.labelled.text_model import TextModelFacts


@dataclass(frozen=True)
class Prediction:
    """The prediction for one text."""

    label: str | None = said(
        "The label with the largest probability; null where that is below --min_confidence."
    )
    probabilities: dict[str, float] = said(
        "Every label's probability, in the order of the model's labels; they sum to 1.",
        column="probability",
    )
    cut: bool = said(
        "Whether the text (or the pair) was longer than max_length; the model saw only a part."
    )

    on_screen: ClassVar[tuple[str, ...]] = ("label", "probabilities", TEXT)


@dataclass(frozen=True)
class ClassifierFacts(TextModelFacts):
    """The facts about a classifier, for its metadata."""

    labels: tuple[str, ...] = said("The labels, in the order of the model's outputs.")
    temperature: float = said("What logits are divided by before the softmax; 1 changes nothing.")
    min_confidence: float = said("Texts whose largest probability is lower get no label.")
