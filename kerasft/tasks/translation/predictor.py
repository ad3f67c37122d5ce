"""Translations of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasft.folder.opened import Opened
from kerasft.tasks.columns import TEXT_WIDTH, Columns, beginning, cell, printable
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_writers import open_translator
from kerasft.tasks.texts import cut_note, warm_up_texts
from kerasft.tasks.translation.task import Translator


@dataclass(frozen=True)
class Translation:
    """What the model makes of one text.

    Attributes:
        translation: The best translation that the search found.
        score: The sum of the log-probabilities of its tokens: 0 is certainty.
        unknown_words: Words of the text that the model does not know, each once.
        cut: Whether the text was longer than the model reads, so that its end was not seen.
        truncated: Whether the translation reached the most tokens it may have, and was stopped.
    """

    translation: str
    score: float
    unknown_words: tuple[str, ...]
    cut: bool
    truncated: bool


class TextTranslator(TaskPredictor[Translator]):
    """Translates texts.

    Args:
        opened: The folder.
        beam_size: Hypotheses that are followed at a time; 1 is greedy search.

    Raises:
        ConfigError: The beam size is out of range.
    """

    def __init__(self, opened: Opened, beam_size: int = 4) -> None:
        self._engine = open_translator(opened, beam_size=beam_size)
        self.parts = parts = self._engine.parts
        self.facts = {
            "languages": dict(parts.languages),
            "cleaning": parts.cleaning.to_dict(),
            "beam_size": beam_size,
        }
        self.columns: Columns = TranslationColumns()
        self.notes = {
            "cut": cut_note(parts.max_length),
            "unknown_words": "texts have words that the model does not know.",
            "truncated": "translations were stopped before their end, at the most tokens.",
        }
        self.warm_up_texts = warm_up_texts(parts.max_length, opened.engine)

    def predict(self, texts: Sequence[str]) -> list[Translation]:
        """See `TaskPredictor.predict`."""
        return [Translation(*values) for values in self._engine.translate(texts)]


class TranslationColumns:
    """Translations in tables and files; see `kerasft.tasks.columns.Columns`.

    In a file: text, translation, score, unknown_words (with spaces between), cut, truncated. On the
    screen: the score, the beginning of the text, the whole translation.
    """

    file_heads: Sequence[str] = (
        "text",
        "translation",
        "score",
        "unknown_words",
        "cut",
        "truncated",
    )
    screen_heads: Sequence[str] = (f"{'score':>8}", f"{'text':<{TEXT_WIDTH}}", "translation")

    def in_file(self, text: str, prediction: Translation) -> list[str]:
        """The cells of one row of a file."""
        flags = (cell(prediction.cut), cell(prediction.truncated))
        unknown = " ".join(prediction.unknown_words)
        return [text, prediction.translation, f"{prediction.score:.6f}", unknown, *flags]

    def on_screen(self, text: str, prediction: Translation) -> list[str]:
        """The cells of one row on the screen."""
        start = f"{beginning(text):<{TEXT_WIDTH}}"
        return [f"{prediction.score:>8.3f}", start, printable(prediction.translation)]
