"""Running an encoder with its head on Keras, on whichever backend is current."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kerasft import backends
from kerasft.data import shapes
from kerasft.runtimes.runtime import Reading, finite, reading_segments


class KerasEncoder:
    """Computes in a few fixed shapes, each compiled once; on torch at the texts' own lengths.

    What comes out of a text does not depend on the other texts, but for float32 rounding (1e-6).

    Args:
        model: A `HeadedEncoder`; adapters on it may be merged or not.
        reading: How it is asked.

    Example:
        >>> encoder = KerasEncoder(model, Reading(0, 128, num_labels=3, each_token=False))
        >>> encoder.run([np.array([2, 17, 3])])[0].shape
        (3,)
    """

    def __init__(self, model: Any, reading: Reading) -> None:
        self._reading = reading
        self.compiles = backends.current().COMPILES
        self._forward = backends.compile_forward(model)

    def run(
        self, token_ids: Sequence[np.ndarray], segment_ids: Sequence[np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """See `Encodes.run`."""
        segments = reading_segments(self._reading, segment_ids)
        reading = self._reading
        found: list[np.ndarray] = [np.empty(0)] * len(token_ids)
        sizes = [len(ids) for ids in token_ids]
        for rows, batch, length in self._batches(sizes):
            texts = [token_ids[row] for row in rows]
            more = None if segments is None else [segments[row] for row in rows]
            inputs = shapes.pad(texts, batch, length, reading.pad_id, more)
            for row, logits in zip(rows, self._forward(inputs), strict=False):
                found[row] = finite(logits[: sizes[row]] if reading.each_token else logits)
        return found

    def _batches(self, sizes: Sequence[int]) -> Iterator[tuple[list[int], int, int]]:
        """Which texts are computed together, and in which shape; see `shapes.batches`."""
        if self.compiles:
            yield from shapes.batches(sizes, self._reading.max_length)
        else:
            for rows in shapes.groups(sizes):
                yield rows, len(rows), sizes[rows[0]]  # the longest comes first
