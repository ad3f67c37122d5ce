"""Running a model on texts: from texts to what its head says, on any runtime."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.errors import DataError
from kerasft.text.pairs import Text, are_pairs

if TYPE_CHECKING:
    from kerasft.runtimes.runtime import Encodes
    from kerasft.tasks.labelled.text_model import TextModel
    from kerasft.text.encodings import Encodings


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

    def encode(self, texts: Sequence[Text]) -> Encodings:
        """Cleans, tokenizes and cuts texts or pairs as in training.

        Raises:
            DataError: An element is not a string, or not Unicode; or nothing is left of it.
        """
        parts = self.parts
        if not are_pairs(texts):
            cleaned: Sequence[Text] = self._clean(texts)
        else:
            sides = [list(side) for side in zip(*texts, strict=True)]
            cleaned = list(
                zip(self._clean(sides[0]), self._clean(sides[1], "text_pair"), strict=True)
            )
        return parts.tokenizer.encode(cleaned, parts.max_length, parts.long_texts)

    def _clean(self, texts: Sequence[Any], name: str = "text") -> list[Any]:
        cleaning = self.parts.cleaning
        # What is not a string goes on as it is: the tokenizer says which one it was.
        cleaned = [cleaning.apply(text) if isinstance(text, str) else text for text in texts]
        for row, (text, left) in enumerate(zip(texts, cleaned, strict=True)):
            if isinstance(text, str) and text.strip() and not left.strip():
                raise DataError(
                    f"{name} {row} is empty after the cleaning that the model was trained with "
                    f"({', '.join(cleaning.to_dict())})"
                )
        return cleaned

    def run(self, encodings: Encodings) -> np.ndarray:
        """The logits (texts, labels) float32 of what `encode` made.

        Raises:
            FolderError: The model computes NaN or infinity, or cannot be run.
        """
        if not encodings.token_ids:
            return np.empty((0, len(self.parts.labels)), dtype=np.float32)
        return np.stack(self._encoder.run(encodings.token_ids, encodings.segment_ids))

    def logits(self, texts: Sequence[Text]) -> np.ndarray:
        """The logits (texts, labels) float32 of texts; see `encode` and `run`."""
        return self.run(self.encode(texts))
