"""Opening a saved classifier with one of its engines."""

from __future__ import annotations

from pathlib import Path

from kerasft.bundle import load
from kerasft.bundle.load_export import load_export
from kerasft.bundle.opened import Opened
from kerasft.engines.classifier_engine import ClassifierEngine
from kerasft.engines.keras_engine import KERAS, KerasEngine
from kerasft.engines.onnx_engine import OnnxEngine
from kerasft.engines.prepare import open_prepared


def open_classifier(path: str | Path | Opened, engine: str = KERAS) -> ClassifierEngine:
    """Loads a saved classifier.

    Args:
        path: The folder, or what `open_saved` read of it for this engine.
        engine: "keras", "onnx" or "onnx-int8". With the last two, neither Keras nor a backend is
            imported into this process.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The engine is unknown, or its export is missing and cannot be made.

    Example:
        >>> open_classifier("saved_models/run", "onnx").logits(["a text"]).shape
        (1, 3)
    """
    if engine == KERAS:
        return KerasEngine(load(path))
    return OnnxEngine(load_export(open_prepared(path, engine), engine))
