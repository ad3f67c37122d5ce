"""Labels for texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.folder.opened import Opened
from kerasft.tasks.classification.opening import open_classifier
from kerasft.tasks.classification.task import TextClassifier
from kerasft.tasks.columns import Columns, beginning, cell, printable
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_note, one_of_each_length

# The table shows the probabilities of all labels up to so many, else of the likeliest.
MOST_COLUMNS = 8
LIKELIEST = 3


@dataclass(frozen=True)
class Prediction:
    """What the model says of one text.

    Attributes:
        label: The label of the highest probability.
        probabilities: Label -> probability, in the order of the label map; they sum to 1.
        cut: Whether the text was longer than the model reads, so that its end, or its middle,
            was not seen.
    """

    label: str
    probabilities: dict[str, float]
    cut: bool


class LabelPredictor(TaskPredictor[TextClassifier]):
    """Labels texts.

    Args:
        opened: The folder.
    """

    def __init__(self, opened: Opened) -> None:
        self._engine = open_classifier(opened)
        self.parts = parts = self._engine.parts
        names = parts.labels.names
        self.facts = {
            "labels": list(names),
            "pooling": opened.manifest.settings["pooling"],
            "cleaning": parts.cleaning.to_dict(),
            "adapter": opened.manifest.has_adapter,
        }
        self.columns: Columns = LabelColumns(names)
        self.notes = {"cut": cut_note(parts.max_length, parts.long_texts)}
        self.warm_up_texts = (
            one_of_each_length(parts.max_length) if self._engine.compiles else ["a"]
        )

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """See `TaskPredictor.predict`."""
        encodings = self._engine.encode(texts)
        probabilities = softmax(self._engine.run(encodings.token_ids))
        names = self.parts.labels.names
        cut = encodings.full_lengths > encodings.max_length
        return [
            Prediction(
                names[int(row.argmax())],
                dict(zip(names, row.tolist(), strict=True)),
                bool(was_cut),
            )
            for row, was_cut in zip(probabilities, cut, strict=True)
        ]


class LabelColumns:
    """Labels and probabilities in tables and files; see `kerasft.tasks.columns.Columns`.

    In a file: text, label, cut, and one `probability_LABEL` a label. On the screen: the label, the
    probabilities (of a few), the beginning of the text.

    Args:
        label_names: The labels, in the order of the probabilities.
    """

    def __init__(self, label_names: Sequence[str]) -> None:
        self._names = [printable(name) for name in label_names]
        self._width = max(len("label"), *(len(name) for name in self._names))
        self._all = len(label_names) <= MOST_COLUMNS
        self.file_heads: Sequence[str] = [
            "text",
            "label",
            "cut",
            *(f"probability_{n}" for n in label_names),
        ]
        heads = [f"{name:>6}" for name in self._names] if self._all else ["probabilities"]
        self.screen_heads: Sequence[str] = [f"{'label':<{self._width}}", *heads, "text"]

    def in_file(self, text: str, prediction: Prediction) -> list[str]:
        """The cells of one row of a file."""
        probabilities = (f"{value:.6f}" for value in prediction.probabilities.values())
        return [text, prediction.label, cell(prediction.cut), *probabilities]

    def on_screen(self, text: str, prediction: Prediction) -> list[str]:
        """The cells of one row on the screen."""
        values = prediction.probabilities
        if self._all:
            cells = [
                f"{value:>{max(6, len(name))}.4f}"
                for name, value in zip(self._names, values.values(), strict=True)
            ]
        else:
            best = sorted(values, key=values.__getitem__, reverse=True)[:LIKELIEST]
            cells = [", ".join(f"{printable(name)} {values[name]:.4f}" for name in best)]
        return [f"{printable(prediction.label):<{self._width}}", *cells, beginning(text)]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (texts, labels) float64 of logits (texts, labels)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
