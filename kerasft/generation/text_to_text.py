"""Texts in, texts out: a T5 with its tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from kerasft.architectures.t5 import T5
from kerasft.generation.generator import Generator

if TYPE_CHECKING:
    from kerasft.text.tokenizer import Tokenizer


class TextToTextGenerator(Generator):
    """A generator for a T5, whose outputs are those of transformers' `generate`.

    Args:
        max_length: Most tokens of an output, the end token included (transformers'
            `max_new_tokens`).
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        max_source_length: Where `texts` cuts sources, in tokens, the end token included.
        length_penalty: See `Search`.
        n_best: How many hypotheses `generate` gives a text, at most `beam_size`.
        early_stopping: See `Search`.

    Example:
        >>> generator = TextToTextGenerator(model, tokenizer, max_length=40, beam_size=4)
        >>> generator.texts(["translate English to German: The house is wonderful."])
        ['Das Haus ist wunderbar.']
    """

    def __init__(
        self,
        model: T5,
        tokenizer: Tokenizer,
        max_length: int = 50,
        beam_size: int = 1,
        *,
        max_source_length: int = 512,
        length_penalty: float = 1.0,
        n_best: int = 1,
        early_stopping: bool | Literal["never"] = False,
    ) -> None:
        self._tokenizer = tokenizer
        arguments = model.arguments
        super().__init__(
            model,
            start_id=arguments.start_id,
            end_id=arguments.end_id,
            pad_id=arguments.pad_id,
            max_length=max_length,
            beam_size=beam_size,
            length_penalty=length_penalty,
            n_best=n_best,
            max_source_length=max_source_length,
            early_stopping=early_stopping,
            rank_cut=True,
            forbidden=(),
        )

    def texts(self, sources: Sequence[str]) -> list[str]:
        """The best output for each source.

        Args:
            sources: With their prefix; those longer than `max_source_length` are cut.
        """
        encodings = self._tokenizer.encode(sources, self.max_source_length)
        found = self.generate(encodings.token_ids)
        return [self._tokenizer.decode(best.token_ids) for best, *_ in found]
