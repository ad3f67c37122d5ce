"""Running a saved folder with Keras, on whichever backend is current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from kerasft import backends
from kerasft.data import shapes
from kerasft.errors import BundleError, DataError

if TYPE_CHECKING:
    from kerasft.bundle import Bundle
    from kerasft.text.tokenizer import Encodings

KERAS = "keras"


class KerasEngine:
    """Computes logits in a few fixed shapes; the backend compiles one function once a shape.

    The logits of a text do not depend on the texts beside it beyond float32 rounding (1e-6).

    Args:
        bundle: A loaded folder. Its adapters are folded into the weights, for speed: load it anew
            to train on.

    Example:
        >>> KerasEngine(bundle.load("saved_models/run")).logits(["a text", "another"]).shape
        (2, 3)
    """

    def __init__(self, bundle: Bundle) -> None:
        from kerasft import peft

        if peft.adapted_layers(bundle.model):
            peft.remove(bundle.model)
        self._bundle = bundle
        self._forward = backends.current().compile_forward(bundle.model)

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Cleans, tokenizes and cuts texts as in training.

        Raises:
            DataError: An element is not a string, or not Unicode; or nothing is left of it.
        """
        clean = self._bundle.cleaning.apply
        # What is not a string goes on as it is: the tokenizer says which one it was.
        cleaned = [clean(text) if isinstance(text, str) else text for text in texts]
        for row, (text, left) in enumerate(zip(texts, cleaned, strict=True)):
            if isinstance(text, str) and text.strip() and not left.strip():
                raise DataError(
                    f"text {row} is empty after the cleaning that the model was trained with "
                    f"({', '.join(self._bundle.cleaning.to_dict())})"
                )
        return self._bundle.tokenizer.encode(
            cleaned, self._bundle.manifest.max_length, self._bundle.long_texts
        )

    def run(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """The logits of encoded texts.

        Args:
            token_ids: (tokens,) int32 each, none longer than the folder's `max_length`.

        Returns:
            (texts, num_labels) float32, in the order of the texts.

        Raises:
            BundleError: The model computes NaN or infinity.
        """
        manifest, pad_id = self._bundle.manifest, self._bundle.tokenizer.pad_id
        logits = np.empty((len(token_ids), manifest.num_labels), dtype=np.float32)
        sizes = [len(ids) for ids in token_ids]
        for rows, batch, length in shapes.batches(sizes, manifest.max_length):
            inputs = shapes.pad([token_ids[row] for row in rows], batch, length, pad_id)
            logits[rows] = self._forward(inputs)[: len(rows)]
        if not np.isfinite(logits).all():
            raise BundleError(
                f"the model in {self._bundle.path} computes NaN or infinity: its weights are "
                "broken."
            )
        return logits

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The logits (texts, num_labels) float32 of texts; see `encode` and `run`."""
        return self.run(self.encode(texts).token_ids)
