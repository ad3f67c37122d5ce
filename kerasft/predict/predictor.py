"""Predicting with a saved folder, whatever its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError, DataError
from kerasft.folder.manifest import read
from kerasft.folder.opened import KERAS, Opened
from kerasft.runtimes.prepare import open_prepared
from kerasft.tasks.columns import Columns
from kerasft.tasks.registry import TASKS
from kerasft.tasks.saved import check_manifest
from kerasft.tasks.task import Task


class Predictor:
    """A loaded folder, to be asked about texts.

    Args:
        folder: The folder that a recipe or `kerasft.save` wrote, or what `open_for` read of it.
        engine: What computes: "keras", or a format that the folder's task can be exported to
            ("onnx", "ctranslate2", ...); with that, neither Keras nor a backend is imported.
        options: Those of `kerasft.tasks.registry.OPTIONS` that the task takes, as in `beam_size=1`;
            None counts as not given.

    Attributes:
        task: The task.
        max_length: Tokens that a text is cut at.
        metadata: What the folder says: name, task, architecture, base model, versions, ..., and
            what is the task's own; and the engine.
        notes: See `kerasft.tasks.task.TaskPredictor`.
        columns: The results' columns in tables and files.
        warm_up_texts: As the notes.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: An option has no meaning for the folder's task, the engine is unknown, or what
            it reads is missing and cannot be made.

    Example:
        >>> Predictor("saved_models/run").predict(["The striker scored twice."])[0].label
        'sports'
        >>> Predictor("saved_models/translate", beam_size=1).predict(["Good morning."])
        [Translation(translation='Buongiorno.', ...)]
    """

    def __init__(
        self, folder: str | Path | Opened, engine: str | None = None, **options: Any
    ) -> None:
        opened = folder if isinstance(folder, Opened) else open_for(folder, engine, **options)
        manifest = opened.manifest
        self.task = TASKS[manifest.task]
        self._own = self.task.open(opened, **_given(options))
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
        self.columns = Columns(self.task.result, self._own.keys)
        self.warm_up_texts: Sequence[str] = self._own.warm_up_texts

    def predict(self, texts: Sequence[str]) -> list[Any]:
        """One result a text, in their order, none for none: `Prediction`, `Translation`, ...

        Args:
            texts: The texts.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        if isinstance(texts, str):
            raise DataError("one string was given; give a list of texts")
        for row, text in enumerate(texts):
            if isinstance(text, str) and not text.strip():
                raise DataError(f"text {row} is empty; there is nothing to read")
        return self._own.predict(texts)


def open_for(folder: str | Path, engine: str | None = None, **options: Any) -> Opened:
    """Reads of a folder what an engine needs, for `Predictor`; imports no Keras.

    Args:
        folder: The folder.
        engine: As for `Predictor`, like the options.
        options: See there.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: See `Predictor`.
    """
    manifest = read(folder)
    task = check_manifest(folder, manifest)
    engine = engine or KERAS
    _check_options(folder, task, engine, options)
    return open_prepared(folder, engine, manifest)


def _check_options(folder: str | Path, task: Task, engine: str, options: Mapping[str, Any]) -> None:
    if engine not in task.runtimes:
        raise ConfigError(
            f"--engine {engine} cannot run {folder}, a model for {task.name}; what can: "
            f"{', '.join(task.runtimes)}"
        )
    known = [option.name for option in task.options]
    for name in _given(options):
        if name not in known:
            raise ConfigError(f"--{name} has no meaning for {folder}, a model for {task.name}")


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
