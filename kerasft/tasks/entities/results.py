"""Entities found in texts: the result of several tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from kerasft.tasks.columns import TEXT, said
from kerasft.tasks.entities.sentence import Sentence
from kerasft.text.encodings import check_text


@dataclass(frozen=True)
class FoundEntity:
    """One entity."""

    start: int = said("Its first character in the text, from 0 (Unicode code points).")
    end: int = said("The character after its last.")
    text: str = said("The entity as it is in the text.")
    type: str = said("Its type, one of those that the model finds.")
    score: float = said("How sure the model is, 0 to 1.")

    def __str__(self) -> str:
        return f"{self.text} ({self.type} {self.score:.2f})"


@dataclass(frozen=True)
class Entities:
    """What the model found in one text."""

    entities: tuple[FoundEntity, ...] = said("In the order of the text, none overlapping.")
    cut: bool = said(
        "Whether a word was too long for max_length, so that its end was not read; longer texts "
        "are read in windows."
    )

    on_screen: ClassVar[tuple[str, ...]] = (TEXT, "entities")


def sentences_of(texts: Sequence[str]) -> list[Sentence]:
    """The words of texts.

    Raises:
        DataError: One is not a string, or not Unicode; the sentence says which text it is.
    """
    for row, text in enumerate(texts):
        check_text(text, row)
    return [Sentence.from_text(text) for text in texts]
