"""Generators that know the tokenizer of their outputs, and return texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerasft.generation.generator import Generator
from kerasft.generation.step_model import StepModel
from kerasft.text.trained import END, START

if TYPE_CHECKING:
    from kerasft.text.tokenizer import Tokenizer


class SentenceGenerator(Generator):
    """A generator that knows the tokenizer of its outputs, one of `train_tokenizer`.

    Args:
        tokenizer: Of the outputs.
        max_length: Most tokens of an output, [SOS] and [EOS] included, as in training.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        max_source_length: Most tokens of a source; `max_length` by default.

    Example:
        >>> greedy = SentenceGenerator(model, italian, max_length=32)
        >>> greedy.sentences(english.encode(["Good morning."], 32).token_ids)
        ['Buongiorno.']
    """

    def __init__(
        self,
        model: StepModel,
        tokenizer: Tokenizer,
        max_length: int,
        beam_size: int = 1,
        max_source_length: int | None = None,
    ) -> None:
        self._tokenizer = tokenizer
        ids = [tokenizer.token_id(token) for token in (START, END)]
        super().__init__(
            model,
            start_id=ids[0],  # type: ignore[arg-type]  # `train_tokenizer` gives it both
            end_id=ids[1],  # type: ignore[arg-type]
            pad_id=tokenizer.pad_id,
            max_length=max_length - 1,
            beam_size=beam_size,
            max_source_length=max_source_length or max_length,
        )

    def sentences(self, source_ids: Sequence[np.ndarray]) -> list[str]:
        """The best output of each source, as text.

        Args:
            source_ids: One int array (tokens,) a source, special tokens included.
        """
        return [self._tokenizer.decode(best.token_ids) for best, *_ in self.generate(source_ids)]


class TextGenerator(Generator):
    """A generator for a model and its tokenizer, with the search of transformers' `generate`.

    Args:
        model: A step model whose `arguments` have the `start_id`, `end_id` and `pad_id`: a T5.
        max_length: Most tokens of an output, the end token included (transformers'
            `max_new_tokens`).
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        max_source_length: Where `texts` cuts sources, in tokens, the end token included.
        length_penalty: See `Search`.
        n_best: How many hypotheses `generate` gives a text, at most `beam_size`.
        early_stopping: See `Search`.

    Example:
        >>> generator = TextGenerator(model, tokenizer, max_length=40, beam_size=4)
        >>> generator.texts(["translate English to German: The house is wonderful."])
        ['Das Haus ist wunderbar.']
    """

    def __init__(
        self,
        model: Any,
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
