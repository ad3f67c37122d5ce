"""What engines that run classifiers have alike: from texts to token ids, and finite logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from kerasft.errors import BundleError, DataError

if TYPE_CHECKING:
    from kerasft.tasks.classification.task import TextClassifier
    from kerasft.text.tokenizer import Encodings


class ClassifierEngine(ABC):
    """Computes the logits of texts; base of `KerasEngine` and `OnnxEngine`.

    Args:
        parts: A classifier; its model is there for Keras alone.
        name: What `--engine` calls the engine.

    Attributes:
        parts: As above.
        name: As above.
        compiles: Whether the first text of each length waits for something to be compiled (of the
            class).
    """

    compiles: ClassVar[bool]

    def __init__(self, parts: TextClassifier, name: str) -> None:
        self.parts, self.name = parts, name

    @abstractmethod
    def compute(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """The logits (texts, num_labels) float32 of token ids; see `run`, which checks them."""

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
        """The logits of encoded texts.

        Args:
            token_ids: (tokens,) int32 each, none longer than the folder's `max_length`.

        Returns:
            (texts, num_labels) float32, in the order of the texts.

        Raises:
            BundleError: The model computes NaN or infinity.
        """
        logits = self.compute(token_ids)
        if not np.isfinite(logits).all():
            raise BundleError("the classifier computes NaN or infinity: its weights are broken.")
        return logits

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The logits (texts, num_labels) float32 of texts; see `encode` and `run`."""
        return self.run(self.encode(texts).token_ids)
