"""Writes the export for another runtime into a saved folder, after checking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerasft import backends
from kerasft.errors import ConfigError, attempt
from kerasft.folder import Manifest
from kerasft.folder.add_export import add_export
from kerasft.folder.export_files import EXPORT, export_paths
from kerasft.folder.manifest import read
from kerasft.folder.opened import open_saved
from kerasft.runtimes import gate
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks import load
from kerasft.tasks.registry import TASKS
from kerasft.tasks.saved import check_manifest
from kerasft.tasks.task import BEAM_SIZE

COLUMNS = {"text": "text", "text_pair": "text_pair", "label": "label"}


def make_export(
    path: str | Path,
    engine: str,
    *,
    data: str | None = None,
    columns: Mapping[str, str] = COLUMNS,
) -> Manifest:
    """Writes the export for an engine into a saved folder, in place of an earlier one.

    Args:
        path: The folder.
        engine: "onnx", "ctranslate2", ...; or the same in 8 bits, "onnx-int8", for which the one in
            float32 is made too where it is missing.
        data: Rows to compare the model in 8 bits on; see `Task.gate_rows`.

    Returns:
        The folder's new manifest.

    Raises:
        ConfigError: A package or a backend is missing, the folder cannot be written, or the export
            is not as good as it must be; the folder is as it was.
        FolderError: The folder is broken, or its task has no such export.
        DataError: `data` cannot be used.

    Example:
        >>> make_export("saved_models/run", "onnx-int8").exports["onnx-int8"]["same_outputs"]
        0.9804
    """
    folder = Path(path)
    manifest = read(folder)
    task = check_manifest(folder, manifest)
    if engine not in task.runtimes or engine not in RUNTIMES:
        others = " or ".join(name for name in task.runtimes if name in RUNTIMES)
        raise ConfigError(
            f"{folder} holds a model for {task.name}, which has no export for --engine {engine}; "
            f"use {others}"
        )
    runtime = RUNTIMES[engine]
    runtime.check()  # a missing package is said before seconds are spent

    def model() -> Any:
        backends.check()
        from kerasft import peft

        parts = load(folder)
        peft.remove_mergeable(parts.model)
        return task.to_write(parts)

    if engine == runtime.exact or runtime.exact not in manifest.exports:
        manifest = add_export(folder, runtime.exact, lambda to: runtime.write(model(), to))
    if engine == runtime.exact:
        return manifest
    opened = open_saved(folder, runtime.exact, manifest)
    rows = task.gate_rows(folder, task.read(opened.copy()), data, columns).fewer()

    def write(place: Path) -> dict[str, Any]:
        runtime.write_small(folder / EXPORT / runtime.exact, model, place)
        new = {name: (place.parents[1] / name).read_bytes() for name in export_paths([engine])}
        small = opened.copy(engine, new)
        found, wanted = (task.open(each) for each in (small, opened))
        texts = rows.texts
        result = gate.compare(found.predict(texts), wanted.predict(texts), rows)
        gate.refuse_worse(result, runtime.exact)
        searched = {"beam_size": found.facts.beam_size} if BEAM_SIZE in task.options else {}
        return {**asdict(result), **searched}

    return add_export(folder, engine, write)


def export_after_run(path: str | Path, export: str = "auto") -> None:
    """Puts the export in float32 into a folder that a run has saved, for `--engine auto`.

    One line says what was made, or why nothing was: after a failure the folder is as it was. Where
    the packages for it are not installed, nothing is done.

    Args:
        path: The folder.
        export: The run's option, "auto" or "none".

    Example:
        >>> export_after_run("saved_models/run")
        wrote saved_models/run/export/onnx, which differs from Keras by 2.1e-07
    """
    engines = TASKS[read(path).task].runtimes if export == "auto" else ()
    for engine in engines:
        runtime = RUNTIMES.get(engine)
        if runtime is None or engine != runtime.exact or not runtime.installed(writing=True):
            continue
        with attempt(f"The export for --engine {engine}", []):
            facts = make_export(path, engine).exports[engine]
            off = facts["largest_difference_to_keras"]
            print(f"wrote {Path(path, EXPORT, engine)}, which differs from Keras by {off:.1e}")
