"""What computes behind each engine: its name, version and threads, for people."""

from __future__ import annotations

from types import ModuleType

from kerasft import backends
from kerasft.runtimes.ctranslate2 import engine as ctranslate2_engine
from kerasft.runtimes.keras import KERAS
from kerasft.runtimes.onnx import engine as onnx_engine

# Engine -> the package that computes, and what knows it. Keras's are the backends.
_PACKAGES: dict[str, tuple[str, ModuleType]] = {
    **dict.fromkeys(onnx_engine.FORMATS, ("onnxruntime", onnx_engine)),
    **dict.fromkeys(ctranslate2_engine.FORMATS, ("ctranslate2", ctranslate2_engine)),
}


def runtime(engine: str = KERAS) -> str:
    """The package that computes: the Keras backend, "onnxruntime" or "ctranslate2".

    Example:
        >>> runtime("onnx-int8")
        'onnxruntime'
    """
    return _PACKAGES[engine][0] if engine in _PACKAGES else backends.choose().name


def versions(engine: str = KERAS) -> dict[str, str]:
    """Package -> version of what computes; imports Keras's backend for the engine "keras" only.

    Example:
        >>> versions("ctranslate2")
        {'ctranslate2': '4.8.5'}
    """
    if engine in _PACKAGES:
        package, module = _PACKAGES[engine]
        return {package: module.version()}
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
    if engine not in _PACKAGES:
        return backends.describe()
    package, module = _PACKAGES[engine]
    count = module.threads()
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"engine: {engine}, {package} {module.version()} on cpu, {threads}"
