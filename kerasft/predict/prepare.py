"""Opening a saved folder for the engine that is to compute, whose export may have to be made."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasft.errors import ConfigError
from kerasft.folder.manifest import read
from kerasft.folder.opened import KERAS, Opened, open_saved
from kerasft.runtimes.registry import automatic
from kerasft.tasks.saved import check_manifest
from kerasft.tasks.task import Task

AUTO = "auto"


def open_for(folder: str | Path, engine: str | None = None, **options: Any) -> Opened:
    """Reads of a folder what an engine needs, for `Predictor`; imports no Keras.

    An export that the folder does not hold yet is made by a process of its own, since that has to
    import Keras; stderr says so.

    Args:
        engine: As for `Predictor`, like the options.

    Raises:
        FolderError: The folder is missing, broken or was changed.
        ConfigError: See `Predictor`; of an export that cannot be made the sentence is that of
            `make_export`.

    Example:
        >>> open_for("saved_models/translate", "ctranslate2").manifest.exports
    """
    manifest = read(folder)
    task = check_manifest(folder, manifest)
    if engine in (None, AUTO):
        engine = automatic(task.runtimes, manifest.exports)
    _check_options(folder, task, engine, options)
    if engine != KERAS and engine not in manifest.exports:
        _make(folder, engine)
        manifest = read(folder)
    return open_saved(folder, engine, manifest)


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are not None."""
    return {name: value for name, value in options.items() if value is not None}


def _check_options(folder: str | Path, task: Task, engine: str, options: Mapping[str, Any]) -> None:
    if engine not in task.runtimes:
        raise ConfigError(
            f"--engine {engine} cannot run {folder}, a model for {task.name}; what can: "
            f"{', '.join((AUTO, *task.runtimes))}."
        )
    known = [option.name for option in task.options]
    for name in given(options):
        if name not in known:
            raise ConfigError(f"--{name} does not apply to {folder}, a model for {task.name}.")


def _make(path: str | Path, engine: str) -> None:
    words = ["-m", "kerasft", "export", str(path), "--engine", engine]
    print(
        f"{path} holds no model for --engine {engine} yet; making it, this once (with Keras)",
        file=sys.stderr,
    )
    done = subprocess.run(
        [sys.executable, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr.strip() or "it was killed").splitlines()[-1]
        reason = said.removeprefix("error: ")
        command = shlex.join(["python", *words])
        raise ConfigError(
            reason if said != reason else f"The export failed ({said}); `{command}` says more."
        )
    print(done.stdout, end="", file=sys.stderr)
