"""Token ids in, running text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
