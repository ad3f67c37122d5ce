"""What computes behind each engine: its name, version and threads, for people."""

from __future__ import annotations

from kerasft import backends
from kerasft.engines import onnx_engine
from kerasft.engines.keras_engine import KERAS

ONNX_RUNTIME = "onnxruntime"


def runtime(engine: str = KERAS) -> str:
    """The package that computes: the Keras backend, or "onnxruntime".

    Example:
        >>> runtime("onnx-int8")
        'onnxruntime'
    """
    return ONNX_RUNTIME if engine in onnx_engine.FORMATS else backends.choose().name


def versions(engine: str = KERAS) -> dict[str, str]:
    """Package -> version of what computes; imports Keras's backend for the engine "keras" only."""
    if engine in onnx_engine.FORMATS:
        return {ONNX_RUNTIME: onnx_engine.version()}
    import importlib.metadata

    return {
        "keras": importlib.metadata.version("keras"),
        backends.choose().name: backends.current().version(),
    }


def describe(engine: str = KERAS) -> str:
    """One line for the log.

    Example:
        >>> describe("onnx")
        'engine: onnx, onnxruntime 1.31.1 on cpu, 2 threads'
    """
    if engine not in onnx_engine.FORMATS:
        return backends.describe()
    count = onnx_engine.threads()
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"engine: {engine}, {ONNX_RUNTIME} {onnx_engine.version()} on cpu, {threads}"
