"""Running a model that writes a text for a text, on any runtime."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kerasft.errors import FolderError

if TYPE_CHECKING:
    from kerasft.generation.hypotheses import Generates
    from kerasft.text.tokenizer import Tokenizer


class Output(NamedTuple):
    """What a model wrote for a text and what was lost on the way.

    Attributes:
        text: The output.
        score: The sum of the log-probabilities of its tokens, the end token included.
        unknown_words: Words of the source that its tokenizer cannot write.
        cut: The source was longer than `max_length` tokens, and its end was not read.
        truncated: The output reached its most tokens before its end.
    """

    text: str
    score: float
    unknown_words: tuple[str, ...]
    cut: bool
    truncated: bool


class TextEngine:
    """Writes a text for a text, whose output does not depend on the texts beside it.

    Args:
        source_tokenizer: Of what is read.
        target_tokenizer: Of what is written.
        max_length: Most tokens of a source.
        generator: What searches, on some runtime.
        clean: What is done to each text before the tokenizer.

    Example:
        >>> engine = TextEngine(english, italian, 48, generator)
        >>> engine.write(["Where is the station?"])[0].text
        "Dov'è la stazione?"
    """

    def __init__(
        self,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        max_length: int,
        generator: Generates,
        clean: Callable[[str], str] = str,
    ) -> None:
        self._source, self._target = source_tokenizer, target_tokenizer
        self._max_length, self._generator, self._clean = max_length, generator, clean

    def write(self, texts: Sequence[str]) -> list[Output]:
        """Cleans, tokenizes and cuts texts as in training; writes their outputs, in their order.

        Args:
            texts: With their prefixes, if the model wants some.

        Raises:
            DataError: An element is not a string, or not Unicode.
            FolderError: The model computes NaN or infinity.
        """
        # What is not a string goes on as it is: the tokenizer says which one it was.
        cleaned = [self._clean(text) if isinstance(text, str) else text for text in texts]
        encodings = self._source.encode(cleaned, self._max_length)
        found = self._generator.generate(encodings.token_ids)
        outputs = []
        for text, size, (best, *_) in zip(cleaned, encodings.full_lengths, found, strict=True):
            if not math.isfinite(best.score):
                raise FolderError("The model computes NaN or infinity: its weights are broken.")
            cut = bool(size > encodings.max_length)
            written = self._target.decode(best.token_ids)
            unknown = self._source.unknown_words(text)
            outputs.append(Output(written, best.score, unknown, cut, best.truncated))
        return outputs
