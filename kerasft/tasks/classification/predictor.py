"""Labels for texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.folder.opened import Opened
from kerasft.runtimes.keras import KERAS
from kerasft.tasks.classification.opening import open_classifier
from kerasft.tasks.columns import Columns, beginning, cell, printable
from kerasft.tasks.texts import checked, cut_note, facts, one_of_each_length

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


class Predictor:
    """A loaded folder that labels texts.

    Args:
        folder: The folder that `kerasft.tasks.classification.save` wrote.
        engine: What computes: "keras", "onnx" or "onnx-int8"; see `open_classifier`.

    Attributes:
        label_names: The labels, in the order of the logits.
        max_length: Tokens that a text is cut at.
        metadata: What `bundle.json` says: task, architecture, base model, versions, ...; and the
            engine.
        notes: See `kerasft.tasks.registry.TextPredictor`, as for the next two.
        columns: See there.
        warm_up_texts: See there.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The engine is unknown, or what it reads is missing and cannot be made.

    Example:
        >>> predictor = Predictor("saved_models/run")
        >>> predictor.predict(["The striker scored twice."])[0].label
        'sports'
    """

    def __init__(self, folder: str | Path | Opened, engine: str = KERAS) -> None:
        self._engine = open_classifier(folder, engine)
        bundle = self._engine.folder
        manifest = bundle.manifest
        self.label_names: tuple[str, ...] = bundle.label_map.names
        self.max_length: int = manifest.max_length
        self.metadata: dict[str, Any] = {
            **facts(folder, manifest),
            "pooling": manifest.pooling,
            "adapter": manifest.has_adapter,
            "engine": engine,
        }
        self.columns: Columns = LabelColumns(self.label_names)
        self.notes: Mapping[str, str] = {"cut": cut_note(self.max_length, bundle.long_texts)}
        self.warm_up_texts: Sequence[str] = (
            one_of_each_length(self.max_length) if self._engine.compiles else ["a"]
        )

    def logits(self, texts: Sequence[str]) -> np.ndarray:
        """The logits (texts, labels) float32, in the order of the texts."""
        return self._engine.logits(checked(texts, "label"))

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Labels texts; one `Prediction` each, in their order, none for none.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        encodings = self._engine.encode(checked(texts, "label"))
        probabilities = softmax(self._engine.run(encodings.token_ids))
        cut = encodings.full_lengths > encodings.max_length
        return [
            Prediction(
                self.label_names[int(row.argmax())],
                dict(zip(self.label_names, row.tolist(), strict=True)),
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
