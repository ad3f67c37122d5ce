"""Exports a saved folder to what other tools read; adapters are merged where they can be.

"keras"         one FILE.keras that Keras alone loads
"huggingface"   a directory that transformers loads
"keras-hub"     a preset directory that keras_hub loads (needs keras_hub)
"onnx"          one FILE.onnx for ONNX Runtime and others (needs the package onnx)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.folder.manifest import read
from kerasft.folder.opened import KERAS
from kerasft.tasks import load
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.registry import task_of
from kerasft.tasks.saved import check_manifest

FORMATS = ("keras", "huggingface", "keras-hub", "onnx")
_SUFFIXES = {"keras": ".keras", "onnx": ".onnx"}


def export(
    folder: str | Path, format: str, output: str | Path, *, overwrite: bool = False
) -> list[str]:
    """Writes a saved folder in another format, whole or not at all.

    Args:
        folder: A folder that `save` wrote.
        format: One of `FORMATS`.
        output: The file (or, for "huggingface" and "keras-hub", the directory) to write.
        overwrite: Whether an earlier export there may be replaced.

    Returns:
        What a user of the export must know, a sentence each: what is done to texts before the
        model, where that is not (or not all) in the export.

    Raises:
        ConfigError: The format is unknown, the output cannot be written or exists, or the format
            cannot hold this model, or is not written of its task.
        FolderError: The folder is broken.

    Example:
        >>> export("saved_models/run", "huggingface", "exported")
        ['Texts are cut at 64 tokens.']
    """
    if format not in FORMATS:
        raise ConfigError(
            f"the export format {format!r} is unknown; it must be one of {', '.join(FORMATS)}"
        )
    write, is_export = _writer(format)
    if is_export is None:
        _check_file(Path(output), _SUFFIXES[format], overwrite)
    elif is_export(output) and not overwrite:
        raise ConfigError(f"{output} exists; name another folder or add --overwrite")
    else:
        storage.check_output(output, is_export)
    task = check_manifest(folder, read(folder))
    if format not in task.formats:
        others = " or ".join(task.formats or (n for n in task.runtimes if n != KERAS))
        raise ConfigError(
            f"{folder} holds a model for {task.name}, which has no export in the format "
            f"{format!r}; use --{'format' if task.formats else 'engine'} {others}"
        )
    classifier = load(folder)
    from kerasft import peft

    if (title := peft.unmergeable(classifier.model)) and format != "onnx":
        raise ConfigError(
            f"{folder} was tuned with {title}, which cannot be merged into the weights, so the "
            f"format {format!r} cannot hold it; export it to onnx"
        )
    peft.remove_mergeable(classifier.model)
    classifier = task.stand_alone(classifier)
    if is_export is None:
        with storage.write_file(output) as to:
            said = write(classifier, to)
    else:
        replaces = is_export if overwrite else lambda path: False
        with storage.write_folder(output, is_ours=replaces) as to:
            said = write(classifier, to)
    return [*task.before_model(classifier), *(said or ())]


Writer = Callable[[TextModel, Path], list[str] | None]


def _writer(format: str) -> tuple[Writer, Callable[[str | Path], bool] | None]:
    """The writer of a format, and the check for an earlier export if that is a folder."""
    if format == "keras":
        from kerasft.exports.keras_file import write_keras

        return write_keras, None
    if format == "huggingface":
        from kerasft.exports import huggingface

        return huggingface.write_huggingface, huggingface.is_export
    if format == "keras-hub":
        from kerasft.exports import keras_hub

        return keras_hub.write_keras_hub, keras_hub.is_export
    return _write_onnx, None


def _write_onnx(classifier: TextModel, to: Path) -> None:
    from kerasft.runtimes.onnx.write import write_onnx

    made: Any = task_of(classifier).to_write(classifier)
    write_onnx(made.model, to, made.longest, made.facts, segments=made.reading.segments)


def _check_file(output: Path, suffix: str, overwrite: bool) -> None:
    if output.suffix != suffix:
        raise ConfigError(f"{output} must end in {suffix}")
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} exists; name another file or add --overwrite")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"{output}: there is no folder {output.absolute().parent}")
