"""Translations of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasft.folder.opened import Opened
from kerasft.runtimes.keras import KERAS
from kerasft.tasks.columns import TEXT_WIDTH, Columns, beginning, cell, printable
from kerasft.tasks.text_writers import open_translator
from kerasft.tasks.texts import checked, cut_note, facts, warm_up_texts


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


class Translator:
    """A loaded folder that translates texts.

    Args:
        folder: The folder that `kerasft.tasks` wrote.
        beam_size: Hypotheses that are followed at a time; 1 is greedy search.
        engine: What computes: "keras", "ctranslate2" or "ctranslate2-int8"; see `open_translator`.

    Attributes:
        languages: (source, target), as the data called them.
        max_length: Tokens that a text is cut at.
        metadata: What `bundle.json` says: task, architecture, languages, versions, ...; and the
            beam size and the engine.
        notes: See `kerasft.tasks.registry.TextPredictor`, as for the next two.
        columns: See there.
        warm_up_texts: See there.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The beam size is out of range, the engine is unknown, or what it reads is
            missing and cannot be made.

    Example:
        >>> Translator("saved_models/translate").predict(["Where is the station?"])[0].translation
        "Dov'è la stazione?"
    """

    def __init__(
        self, folder: str | Path | Opened, beam_size: int = 4, engine: str = KERAS
    ) -> None:
        self._engine = open_translator(folder, engine, beam_size)
        manifest = self._engine.bundle.manifest
        self.languages = (manifest.languages["source"], manifest.languages["target"])
        self.max_length: int = manifest.max_length
        self.metadata: dict[str, Any] = {
            **facts(folder, manifest),
            "languages": dict(manifest.languages),
            "beam_size": beam_size,
            "engine": engine,
        }
        self.columns: Columns = TranslationColumns()
        self.notes: Mapping[str, str] = {
            "cut": cut_note(self.max_length),
            "unknown_words": "texts have words that the model does not know.",
            "truncated": "translations were stopped before their end, at the most tokens.",
        }
        self.warm_up_texts: Sequence[str] = warm_up_texts(self.max_length, engine)

    def predict(self, texts: Sequence[str]) -> list[Translation]:
        """Translates texts; one `Translation` each, in their order, none for none.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        found = self._engine.translate(checked(texts, "translate"))
        return [Translation(*values) for values in found]


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
