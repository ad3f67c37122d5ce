"""Running a saved translator: with Keras, on whichever backend is current, or by another search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kerasft.errors import BundleError

if TYPE_CHECKING:
    from kerasft.generation.hypotheses import Generates
    from kerasft.tasks.translation.task import Translator


class Translated(NamedTuple):
    """A text's translation and what was lost on the way.

    Attributes:
        text: The translation.
        score: The sum of the log-probabilities of its tokens, [EOS] included.
        unknown_words: Words of the source that its tokenizer cannot write.
        cut: The source was longer than `max_length` tokens, and its end was not read.
        truncated: The translation reached the model's most tokens before its end.
    """

    text: str
    score: float
    unknown_words: tuple[str, ...]
    cut: bool
    truncated: bool


class TranslationEngine:
    """Translates in a few fixed shapes; the backend compiles one function once a shape.

    A text's translation does not depend on the texts beside it beyond float32 rounding.

    Args:
        parts: A translator; its model is there for Keras alone.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        generator: What searches in the place of Keras, if something does; it knows its beams.

    Attributes:
        parts: As above.

    Raises:
        ConfigError: The beam size is out of range.

    Example:
        >>> engine = TranslationEngine(load("saved_models/translate"))
        >>> engine.translate(["Where is the station?"])[0].text
        "Dov'è la stazione?"
    """

    def __init__(
        self,
        parts: Translator,
        beam_size: int = 4,
        generator: Generates | None = None,
    ) -> None:
        self.parts = parts
        self._generator = generator or _keras_generator(parts, beam_size)

    def translate(self, texts: Sequence[str]) -> list[Translated]:
        """Cleans, tokenizes and cuts texts as in training, and translates them, in their order.

        Raises:
            DataError: An element is not a string, or not Unicode.
            BundleError: The model computes NaN or infinity.
        """
        parts = self.parts
        # What is not a string goes on as it is: the tokenizer says which one it was.
        cleaned = [parts.cleaning.apply(t) if isinstance(t, str) else t for t in texts]
        encodings = parts.source_tokenizer.encode(cleaned, parts.max_length)
        results = []
        for text, size, (best, *_) in zip(
            cleaned,
            encodings.full_lengths,
            self._generator.generate(encodings.token_ids),
            strict=True,
        ):
            if not math.isfinite(best.score):
                raise BundleError(
                    "the translator computes NaN or infinity: its weights are broken."
                )
            translation = parts.target_tokenizer.decode(best.token_ids)
            unknown = parts.source_tokenizer.unknown_words(text)
            cut = bool(size > encodings.max_length)
            results.append(Translated(translation, best.score, unknown, cut, best.truncated))
        return results


def _keras_generator(parts: Translator, beam_size: int) -> Generates:
    from kerasft.generation import SentenceGenerator

    return SentenceGenerator(
        parts.model,
        parts.target_tokenizer,
        max_length=parts.model.arguments.tgt_seq_len,
        beam_size=beam_size,
        max_source_length=parts.max_length,
    )
