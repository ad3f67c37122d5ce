"""What the predictors of labelled texts share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_note, one_of_each_length
from kerasft.text.pairs import Text

OfText = TypeVar("OfText", bound=TextModel)


class TextPredictor(TaskPredictor[OfText]):
    """Says something of each text as a whole.

    Args:
        parts: What was read of the folder.
        encoder: The model on some runtime.
    """

    def __init__(self, parts: OfText, encoder: Encodes) -> None:
        self._engine = HeadEngine(parts, encoder)
        self.parts = parts
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts, parts.text_pairs)}
        texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]
        self.warm_up_texts = [(each, each) if parts.text_pairs else each for each in texts]

    def common_facts(self, opened: Opened) -> dict[str, Any]:
        """What the facts of each such task say of the folder."""
        return {
            "pooling": opened.manifest.settings["pooling"],
            "cleaning": self.parts.cleaning.to_dict(),
            "text_pairs": self.parts.text_pairs,
            "adapter": opened.manifest.has_adapter,
        }

    def run(self, texts: Sequence[Text]) -> tuple[np.ndarray, np.ndarray]:
        """The head's outputs (texts, outputs) float32, and (texts,) whether each was cut.

        Raises:
            DataError: See `HeadEngine.encode`.
        """
        encodings = self._engine.encode(texts)
        return self._engine.run(encodings), encodings.full_lengths > encodings.max_length
