"""Opening a saved classifier with one of its engines."""

from __future__ import annotations

from pathlib import Path

from kerasft.folder.opened import KERAS, Opened
from kerasft.runtimes.keras import KerasEngine
from kerasft.runtimes.onnx.engine import OnnxEngine
from kerasft.runtimes.prepare import open_prepared
from kerasft.tasks.classification.engine import ClassifierEngine
from kerasft.tasks.classification.load_export import load_export
from kerasft.tasks.classification.task import TextClassifier
from kerasft.tasks.saved import load


def open_classifier(path: str | Path | Opened, engine: str = KERAS) -> ClassifierEngine:
    """Loads a saved classifier.

    Args:
        path: The folder, or what `open_saved` read of it, which knows its engine.
        engine: "keras", "onnx" or "onnx-int8". With the last two, neither Keras nor a backend is
            imported into this process.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The engine is unknown, or its export is missing and cannot be made.

    Example:
        >>> open_classifier("saved_models/run", "onnx").logits(["a text"]).shape
        (1, 3)
    """
    engine = path.engine if isinstance(path, Opened) else engine
    if engine == KERAS:
        return KerasEngine(load(path, TextClassifier))
    return OnnxEngine(load_export(open_prepared(path, engine), engine))
