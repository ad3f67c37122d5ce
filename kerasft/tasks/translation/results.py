"""The result of a translator, and the facts about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from kerasft.tasks.columns import TEXT, said


@dataclass(frozen=True)
class Translation:
    """What the model makes of one text."""

    translation: str = said("The best translation that the search found.")
    score: float = said(
        "The sum of the log-probabilities of the translation's tokens: 0 is certainty."
    )
    unknown_words: tuple[str, ...] = said(
        "Words of the text that the model does not know, each once."
    )
    cut: bool = said(
        "Whether the text was longer than max_length and the model saw only its start."
    )
    truncated: bool = said("Whether the translation was stopped at its largest length.")

    on_screen: ClassVar[tuple[str, ...]] = ("score", TEXT, "translation")


@dataclass(frozen=True)
class Languages:
    """What is translated into what."""

    source: str = said('The language of the texts, as the data called it ("en").')
    target: str = said('The language of the translations ("it").')


@dataclass(frozen=True)
class TranslatorFacts:
    """The facts about a translator."""

    languages: Languages = said("From which language into which.")
    cleaning: dict[str, Any] = said("What is done to each text before the tokenizer.")
    beam_size: int = said("Beams of the search; 1 is greedy.")
