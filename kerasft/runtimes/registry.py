"""All runtimes, by the formats of their models, and the one that is to compute a folder."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from kerasft import backends
from kerasft.folder.export_files import EXPORT, export_paths
from kerasft.folder.opened import KERAS, Opened
from kerasft.runtimes.ctranslate2.runtime import CTranslate2
from kerasft.runtimes.onnx.runtime import OnnxRuntime
from kerasft.runtimes.runtime import Encodes, Reading, Runtime

RUNTIMES: dict[str, Runtime] = {
    format: runtime for runtime in (OnnxRuntime(), CTranslate2()) for format in runtime.formats
}
"""Format of a model, as `--engine` calls it -> what computes it. Keras is not among them."""


def engines_of(model: type) -> tuple[str, ...]:
    """What can compute models of a kind: Keras, and formats of exports.

    Args:
        model: `EncoderModel` or `WriterModel`.

    Example:
        >>> engines_of(EncoderModel)
        ('keras', 'onnx', 'onnx-int8')
    """
    return (KERAS, *(name for name, each in RUNTIMES.items() if each.computes is model))


def automatic(engines: Sequence[str], exports: Collection[str]) -> str:
    """What `--engine auto` is: an export in float32, whose package is here, else Keras.

    Exports in 8 bits are not taken without being asked for: their answers differ a little.

    Args:
        engines: What can compute the folder's task.
        exports: What the folder holds, each of which was compared with Keras when it was made.

    Example:
        >>> automatic(["keras", "onnx", "onnx-int8"], {"onnx"})
        'onnx'
    """
    for name in engines:
        if name in exports and RUNTIMES[name].exact == name and RUNTIMES[name].installed():
            return name
    return KERAS


def encoder(opened: Opened, model: Any, reading: Reading) -> Encodes:
    """The encoder of a folder, on the engine that the folder was opened for.

    Args:
        opened: The folder.
        model: Its model, for Keras; its adapters are merged, for speed.
        reading: How it is asked.

    Raises:
        FolderError: The model is not one of ours, or does not fit.
        ConfigError: The package that computes is not installed.
    """
    if opened.engine != KERAS:
        return take_up(opened, reading)
    from kerasft import peft
    from kerasft.runtimes.keras import KerasEncoder

    peft.remove_mergeable(model)
    return KerasEncoder(model, reading)


def take_up(opened: Opened, needs: Any) -> Any:
    """The model of a folder on another engine than Keras; see `Runtime.open`.

    Args:
        opened: The folder; it does not keep the model any longer.
        needs: See `Runtime.open`, also for what it raises.
    """
    paths = export_paths([opened.engine])
    files = {Path(path).name: opened.take(path) for path in paths}
    place = opened.path / EXPORT / opened.engine
    return RUNTIMES[opened.engine].open(opened.engine, place, files, needs)


def package(engine: str = KERAS) -> str:
    """The package that computes: the Keras backend, "onnxruntime", "ctranslate2".

    Example:
        >>> package("onnx-int8")
        'onnxruntime'
    """
    return RUNTIMES[engine].package if engine in RUNTIMES else backends.choose().name


def versions(engine: str = KERAS) -> dict[str, str]:
    """Package -> version of what computes; imports Keras's backend for the engine "keras" only.

    Example:
        >>> versions("ctranslate2")
        {'ctranslate2': '4.8.5'}
    """
    if engine in RUNTIMES:
        return {package(engine): RUNTIMES[engine].version()}
    return {
        "keras": importlib.metadata.version("keras"),
        package(): backends.current().version(),
    }


def describe(engine: str = KERAS) -> str:
    """One line for the log.

    Example:
        >>> describe("onnx")
        'engine: onnx, onnxruntime 1.31.1 on cpu, 2 threads'
    """
    if engine not in RUNTIMES:
        return backends.describe()
    count = RUNTIMES[engine].threads()
    threads = f"{count} thread{'' if count == 1 else 's'}"
    return f"engine: {engine}, {package(engine)} {RUNTIMES[engine].version()} on cpu, {threads}"
