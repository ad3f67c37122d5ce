"""What computes behind each engine: its name, version and threads, for people."""

from __future__ import annotations

from kerasft import backends
from kerasft.engines import ctranslate2_engine
from kerasft.engines.keras_engine import KERAS

CTRANSLATE2 = "ctranslate2"


def runtime(engine: str = KERAS) -> str:
    """The package that computes: the Keras backend, or "ctranslate2".

    Example:
        >>> runtime("ctranslate2-int8")
        'ctranslate2'
    """
    return CTRANSLATE2 if engine in ctranslate2_engine.FORMATS else backends.choose().name


def versions(engine: str = KERAS) -> dict[str, str]:
    """Package -> version of what computes; imports Keras's backend for the engine "keras" only.

    Example:
        >>> versions("ctranslate2")
        {'ctranslate2': '4.8.5'}
    """
    if engine in ctranslate2_engine.FORMATS:
        return {CTRANSLATE2: ctranslate2_engine.version()}
    import importlib.metadata

    return {
        "keras": importlib.metadata.version("keras"),
        backends.choose().name: backends.current().version(),
    }


def describe(engine: str = KERAS) -> str:
    """One line for the log.

    Example:
        >>> describe("ctranslate2")
        'engine: ctranslate2, ctranslate2 4.8.5 on cpu, 2 threads'
    """
    if engine not in ctranslate2_engine.FORMATS:
        return backends.describe()
    count = ctranslate2_engine.threads()
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"engine: {engine}, {CTRANSLATE2} {ctranslate2_engine.version()} on cpu, {threads}"
