"""Running a saved folder with Keras, on whichever backend is current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasft import backends
from kerasft.data import shapes
from kerasft.folder.opened import KERAS
from kerasft.tasks.classification.engine import ClassifierEngine

if TYPE_CHECKING:
    from kerasft.tasks.classification.task import TextClassifier


class KerasEngine(ClassifierEngine):
    """Computes logits in a few fixed shapes; the backend compiles one function once a shape.

    The logits of a text do not depend on the texts beside it beyond float32 rounding (1e-6).

    Args:
        parts: A classifier. Its adapters are folded into the weights, for speed: load it anew to
            train on.

    Example:
        >>> KerasEngine(load("saved_models/run")).logits(["a text", "another"]).shape
        (2, 3)
    """

    compiles = True

    def __init__(self, parts: TextClassifier) -> None:
        from kerasft import peft

        super().__init__(parts, KERAS)
        peft.fold(parts.model)  # for speed
        self._forward = backends.current().compile_forward(parts.model)

    def compute(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """The logits (texts, num_labels) float32 of token ids; see `ClassifierEngine.run`."""
        parts, pad_id = self.parts, self.parts.tokenizer.pad_id
        logits = np.empty((len(token_ids), len(parts.labels)), dtype=np.float32)
        sizes = [len(ids) for ids in token_ids]
        for rows, batch, length in shapes.batches(sizes, parts.max_length):
            inputs = shapes.pad([token_ids[row] for row in rows], batch, length, pad_id)
            logits[rows] = self._forward(inputs)[: len(rows)]
        return logits
