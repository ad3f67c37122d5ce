"""Predictions with a saved folder of any task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerasft.errors import DataError
from kerasft.folder.opened import Opened
from kerasft.predict.prepare import AUTO, given, open_for
from kerasft.tasks.columns import Columns
from kerasft.tasks.registry import TASKS
from kerasft.tasks.task import of_pairs
from kerasft.text.pairs import Text


class Predictor:
    """A loaded folder that predicts for texts.

    Args:
        folder: The folder that a recipe or `kerasft.save` wrote, or what `open_for` read of it.
        engine: What computes: "keras", or a format that the folder's task can be exported to
            ("onnx", "ctranslate2", ...); with that, neither Keras nor a backend is imported.
            "auto" is an export in float32 that the folder holds, if its package is installed, else
            Keras.
        options: Those of `kerasft.tasks.registry.OPTIONS` that the task takes, as in `beam_size=1`;
            None counts as not given.

    Attributes:
        max_length: Tokens that a text is cut at.
        metadata: What the folder says: name, task, architecture, base model, versions, ..., and
            what is the task's own; and the engine, which is never "auto".
        notes: See `kerasft.tasks.task.TaskPredictor`.
        columns: The results' columns in tables and files.
        warm_up_texts: As the notes.
        text_pairs: Whether it is asked about pairs of texts, and not about single ones.

    Raises:
        FolderError: The folder is missing, broken or was changed.
        ConfigError: An option does not apply to the folder's task, the engine is unknown, or what
            it reads is missing and cannot be made.

    Example:
        >>> Predictor("saved_models/run").predict(["The striker scored twice."])[0].label
        'sports'
        >>> Predictor("saved_models/nli").predict([("A man sleeps.", "Nobody sleeps.")])[0].label
        'contradiction'
        >>> Predictor("saved_models/translate", beam_size=1).predict(["Good morning."])
        [Translation(translation='Buongiorno.', ...)]
    """

    def __init__(self, folder: str | Path | Opened, engine: str = AUTO, **options: Any) -> None:
        opened = folder if isinstance(folder, Opened) else open_for(folder, engine, **options)
        manifest = opened.manifest
        self.task = TASKS[manifest.task]
        self._own = self.task.open(opened, **given(options))
        self.max_length: int = self._own.parts.max_length
        self.metadata: dict[str, Any] = {
            "name": opened.path.resolve().name,
            "task": manifest.task,
            "architecture": manifest.architecture,
            "arguments": dict(manifest.arguments),
            "base_model": manifest.base_model,
            "versions": dict(manifest.versions),
            "engine": opened.engine,
            **asdict(self._own.facts),
        }
        self.notes: Mapping[str, str] = self._own.notes
        self.text_pairs = of_pairs(manifest)
        self.columns = Columns(self.task.result, self._own.keys, pairs=self.text_pairs)
        self.warm_up_texts: Sequence[Text] = self._own.warm_up_texts

    def predict(self, texts: Sequence[Text]) -> list[Any]:
        """One result per text, in their order, none for none: `Prediction`, `Translation`, ...

        Args:
            texts: Strings; for a model of pairs (`text_pairs`) tuples (text, text_pair).

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0). Or pairs are given where single texts are read, or the reverse.
        """
        if isinstance(texts, str):
            raise DataError("one string was given; give a list of texts")
        check_given(texts, self.text_pairs)
        return self._own.predict(texts)


def check_given(texts: Sequence[Any], pairs: bool) -> None:
    """Refuses blank texts, and pairs where single texts are read, or the reverse.

    Args:
        texts: Strings or tuples.
        pairs: Whether pairs are read.

    Raises:
        DataError: The sentence says which one it is, counted from 0.
    """
    for row, text in enumerate(texts):
        if pairs and not (isinstance(text, tuple) and len(text) == 2):
            raise DataError(
                f"text {row} has no text_pair, but the model reads pairs of texts; give "
                "(text, text_pair)"
            )
        if not pairs and isinstance(text, tuple):
            raise DataError(
                f"text {row} has a text_pair, but the model reads single texts; give a string"
            )
        for name, each in zip(("text", "text_pair"), text if pairs else (text,), strict=False):
            if isinstance(each, str) and not each.strip():
                raise DataError(f"{name} {row} is empty; there is nothing to read")
