"""Translations of texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.generation.hypotheses import Generates
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_engine import TextEngine
from kerasft.tasks.texts import cut_note, warm_up_texts
from kerasft.tasks.translation.results import Languages, Translation, TranslatorFacts
from kerasft.tasks.translation.translator import Translator


class TextTranslator(TaskPredictor[Translator]):
    """Translates texts.

    Args:
        parts: What was read of the folder.
        generator: What searches, on some runtime.
        opened: The folder.
        beam_size: Hypotheses that it follows at a time.
    """

    def __init__(
        self, parts: Translator, generator: Generates, opened: Opened, beam_size: int
    ) -> None:
        self.parts = parts
        self._engine = TextEngine(
            parts.source_tokenizer,
            parts.target_tokenizer,
            parts.max_length,
            generator,
            parts.cleaning.apply,
        )
        self.facts = TranslatorFacts(
            languages=Languages(**parts.languages),
            cleaning=parts.cleaning.to_dict(),
            beam_size=beam_size,
        )
        self.notes = {
            "cut": cut_note(parts.max_length),
            "unknown_words": "texts have words that the model does not know.",
            "truncated": "translations were stopped at their largest length.",
        }
        self.warm_up_texts = warm_up_texts(parts.max_length, opened.engine)

    def predict(self, texts: Sequence[str]) -> list[Translation]:
        """See `TaskPredictor.predict`."""
        return [Translation(*values) for values in self._engine.write(texts)]
