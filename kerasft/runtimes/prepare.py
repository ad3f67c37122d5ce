"""Making what an engine reads, where a saved folder does not hold it yet."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from kerasft.errors import ConfigError
from kerasft.folder.contents import Manifest
from kerasft.folder.manifest import read
from kerasft.folder.opened import KERAS, Opened, open_saved
from kerasft.tasks.saved import check_manifest


def open_prepared(
    path: str | Path | Opened, engine: str = KERAS, manifest: Manifest | None = None
) -> Opened:
    """Reads what an engine needs of a folder, and makes its export first where there is none.

    The export is made by a process of its own, since that has to import Keras; stderr says so.

    Args:
        path: The folder; or what was read of it, which is handed on.
        engine: "keras", or another.
        manifest: What its `manifest.json` says, where that was read before.

    Raises:
        BundleError: The folder is missing, broken or was changed.
        ConfigError: The folder's task has no such export, or it cannot be made: the sentence is
            that of `make_export`.

    Example:
        >>> open_prepared("saved_models/translate", "ctranslate2").manifest.exports
    """
    if isinstance(path, Opened):
        return path
    manifest = read(path) if manifest is None else manifest
    if engine != KERAS and engine not in manifest.exports:
        if engine not in check_manifest(path, manifest).runtimes:
            raise ConfigError(f"--engine {engine} cannot run {path}, a model for {manifest.task}")
        _make(path, engine)
        manifest = read(path)
    return open_saved(path, engine, manifest)


def _make(path: str | Path, engine: str) -> None:
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
