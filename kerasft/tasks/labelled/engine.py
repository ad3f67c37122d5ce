"""Running a model on texts: from texts to what its head says, on any runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasft.errors import DataError

if TYPE_CHECKING:
    from kerasft.runtimes.runtime import Encodes
    from kerasft.tasks.labelled.text_model import TextModel
    from kerasft.text.tokenizer import Encodings


class HeadEngine:
    """Computes what a model's head says of texts.

    Args:
        parts: A folder's parts; their model is not looked at.
        encoder: The model on some runtime.

    Example:
        >>> engine = HeadEngine(*task.load_encoder(open_for(folder, "onnx")))
        >>> engine.logits(["a text", "another"]).shape
        (2, 3)
    """

    def __init__(self, parts: TextModel, encoder: Encodes) -> None:
        self.parts, self._encoder = parts, encoder

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Cleans, tokenizes and cuts texts as in training.

        Raises:
            DataError: An element is not a string, or not Unicode; or nothing is left of it.
        """
        parts = self.parts
        clean = parts.cleaning.apply
        # What is not a string goes on as it is: the tokenizer says which one it was.
        cleaned = [clean(text) if isinstance(text, str) else text for text in texts]
        for row, (text, left) in enumerate(zip(texts, cleaned, strict=True)):
            if isinstance(text, str) and text.strip() and not left.strip():
                raise DataError(
                    f"text {row} is empty after the cleaning that the model was trained with "
                    f"({', '.join(parts.cleaning.to_dict())})"
                )
        return parts.tokenizer.encode(cleaned, parts.max_length, parts.long_texts)

    def run(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """The logits (texts, labels) float32 of token ids, (tokens,) int32 each.

        Raises:
            FolderError: The model computes NaN or infinity, or cannot be run.
        """
        empty = np.empty((0, len(self.parts.labels)), dtype=np.float32)
        return np.stack(self._encoder.run(token_ids)) if len(token_ids) else empty

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The logits (texts, labels) float32 of texts; see `encode` and `run`."""
        return self.run(self.encode(texts).token_ids)
