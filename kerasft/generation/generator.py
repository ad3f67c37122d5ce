"""Generation for many texts: in a few fixed shapes, one compiled function each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kerasft import backends
from kerasft.data import shapes
from kerasft.errors import ConfigError, DataError
from kerasft.generation import hypotheses
from kerasft.generation.beam import beam_search
from kerasft.generation.greedy import greedy_search
from kerasft.generation.hypotheses import Hypothesis
from kerasft.generation.search import Search
from kerasft.generation.step_model import StepModel


class Generator:
    """Searches the most probable outputs of a model.

    On TensorFlow and JAX, encoding and the whole search are one compiled function for each shape
    (batch, source length), so reuse a generator: it sees later changes of the weights. The output
    for a text does not depend on the other texts, but for float32 rounding.

    Args:
        start_id: [SOS] of the outputs.
        end_id: [EOS] of the outputs.
        pad_id: The padding of both sources and outputs.
        max_length: Most tokens of an output, [EOS] included.
        beam_size: Hypotheses followed at a time; 1 is greedy search.
        length_penalty: See `Search`; greedy search ignores it.
        n_best: How many hypotheses a text gets, at most `beam_size`.
        max_source_length: Most tokens of a source; `max_length` by default.
        early_stopping: See `Search`, also for the two that follow.

    Raises:
        ConfigError: A number is out of its range.

    Example:
        >>> generator = Generator(model, start_id=2, end_id=3, pad_id=1, max_length=40, beam_size=4)
        >>> generator.generate([np.array([2, 17, 9, 3])])[0][0]
        Hypothesis(token_ids=(41, 8), score=-0.7, truncated=False)
    """

    def __init__(
        self,
        model: StepModel,
        *,
        start_id: int,
        end_id: int,
        pad_id: int,
        max_length: int,
        beam_size: int = 1,
        length_penalty: float = 1.0,
        n_best: int = 1,
        max_source_length: int | None = None,
        early_stopping: bool | Literal["never"] = True,
        rank_cut: bool = False,
        forbidden: tuple[int, ...] | None = None,
    ) -> None:
        self.search = Search(
            start_id,
            end_id,
            pad_id,
            max_length,
            beam_size,
            length_penalty,
            early_stopping,
            rank_cut,
            forbidden,
        )
        if not 1 <= n_best <= beam_size:
            raise ConfigError(
                f"n_best is {n_best}, but must be from 1 to beam_size, which is {beam_size}"
            )
        self.n_best = n_best
        self.max_source_length = max_source_length or max_length
        search = beam_search if beam_size > 1 else greedy_search

        def run(inputs: dict[str, Any]) -> dict[str, Any]:
            return search(model, inputs["source_ids"], self.search)

        self._run = backends.current().compile_function(model, run)

    def generate(self, source_ids: Sequence[np.ndarray]) -> list[list[Hypothesis]]:
        """The best hypotheses of each source, the best first.

        Args:
            source_ids: (tokens,) int32 each, with the special tokens of the training.

        Returns:
            A list a source, in their order, of up to `n_best` hypotheses and at least one.

        Raises:
            DataError: A source is empty, or longer than `max_source_length`.
        """
        sizes = [len(ids) for ids in source_ids]
        for row, size in enumerate(sizes):
            if not 1 <= size <= self.max_source_length:
                raise DataError(
                    f"source {row} has {size} tokens, but must have from 1 to "
                    f"{self.max_source_length}"
                )
        results: list[list[Hypothesis]] = [[] for _ in sizes]
        for rows, batch, length in shapes.batches(sizes, self.max_source_length):
            texts = [source_ids[row] for row in rows]
            padded = shapes.pad(texts, batch, length, self.search.pad_id)
            found = self._run({"source_ids": padded["token_ids"]})
            for place, row in enumerate(rows):
                results[row] = self._read(found, place)
        return results

    def _read(self, found: dict[str, np.ndarray], row: int) -> list[Hypothesis]:
        if self.search.beam_size == 1:
            return hypotheses.of_greedy(found, self.search, row)
        return hypotheses.of_beams(found, self.search, row, self.n_best)
