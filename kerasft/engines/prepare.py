"""Making what an engine reads, where a saved folder does not hold it yet."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from kerasft.bundle.manifest import read
from kerasft.engines.keras_engine import KERAS
from kerasft.errors import ConfigError


def prepare(path: str | Path, engine: str) -> None:
    """Makes the export that an engine reads, if the folder has none; says so on stderr.

    It is made by a process of its own, since that has to import Keras.

    Args:
        path: The folder.
        engine: "keras", which needs nothing, or another.

    Raises:
        BundleError: The folder is missing or broken.
        ConfigError: The folder's task has no such export, or it cannot be made: the sentence is
            that of `make_export`.

    Example:
        >>> prepare("saved_models/translate", "ctranslate2")
    """
    if engine == KERAS:
        return
    manifest = read(path)
    if engine in manifest.exports:
        return
    if engine not in manifest.formats:
        raise ConfigError(f"--engine {engine} cannot run {path}, a model for {manifest.task}")
    words = ["-m", "kerasft.export", str(path), "--engine", engine]
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
            reason if said != reason else f"the export failed ({said}); `{command}` says more"
        )
    print(done.stdout, end="", file=sys.stderr)
