"""Running a saved text-to-text model: with Keras, on any backend, or by another search."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kerasft.errors import BundleError

if TYPE_CHECKING:
    from kerasft.generation.hypotheses import Generates
    from kerasft.tasks.text_to_text.task import TextWriter


class Output(NamedTuple):
    """What the model wrote for a text and what was lost on the way.

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


class TextToTextEngine:
    """Writes outputs in a few fixed shapes; the backend compiles one function once a shape.

    A text's output does not depend on the texts beside it beyond float32 rounding.

    Args:
        parts: A text-to-text model; its adapters are folded into the weights, for speed. Its model
            is there for Keras alone.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        generator: What searches in the place of Keras, if something does; it knows its beams.

    Attributes:
        parts: As above.

    Raises:
        ConfigError: The beam size is out of range.

    Example:
        >>> engine = TextToTextEngine(load("saved_models/t5_text_to_text"), 4)
        >>> engine.write(["translate English to Italian: Good morning!"])[0].text
        'Buongiorno!'
    """

    def __init__(
        self,
        parts: TextWriter,
        beam_size: int,
        generator: Generates | None = None,
    ) -> None:
        self.parts = parts
        self._generator = generator or _keras_generator(parts, beam_size)

    def write(self, texts: Sequence[str]) -> list[Output]:
        """Tokenizes and cuts texts as in training, and writes their outputs, in their order.

        Args:
            texts: With their prefixes.

        Raises:
            DataError: An element is not a string, or not Unicode.
            BundleError: The model computes NaN or infinity.
        """
        tokenizer = self.parts.tokenizer
        encodings = tokenizer.encode(texts, self.parts.max_length)
        outputs = []
        for text, size, (best, *_) in zip(
            texts,
            encodings.full_lengths,
            self._generator.generate(encodings.token_ids),
            strict=True,
        ):
            if not math.isfinite(best.score):
                raise BundleError("the model computes NaN or infinity: its weights are broken.")
            cut = bool(size > encodings.max_length)
            unknown = tokenizer.unknown_words(text)
            written = tokenizer.decode(best.token_ids)
            outputs.append(Output(written, best.score, unknown, cut, best.truncated))
        return outputs


def _keras_generator(parts: TextWriter, beam_size: int) -> Generates:
    """The search of a loaded folder with Keras; adapters are folded into its weights, for speed."""
    from kerasft import peft
    from kerasft.generation import TextToTextGenerator

    peft.fold(parts.model)  # for speed
    return TextToTextGenerator(
        parts.model,
        parts.tokenizer,
        parts.max_target_length,
        beam_size,
        max_source_length=parts.max_length,
        early_stopping=True,
    )
