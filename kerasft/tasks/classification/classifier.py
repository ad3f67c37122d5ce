"""A classifier of texts: the model, its tokenizer and its settings."""

from __future__ import annotations

from dataclasses import dataclass

from kerasft.tasks.labelled.text_model import TextModel


@dataclass(frozen=True)
class TextClassifier(TextModel):
    """A classifier of texts.

    Attributes:
        temperature: What the logits are divided by before the softmax; see `fit_temperature`.

    Example:
        >>> classifier = TextClassifier(model, pretrained.tokenizer, LabelMap(("no", "yes")), 128)
    """

    temperature: float = 1.0
