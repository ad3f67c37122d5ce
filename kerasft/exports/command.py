"""Exports a saved folder to what other tools read; adapters are folded into the weights.

"keras"         one FILE.keras that Keras with keras_hub loads, without kerasft
"huggingface"   a directory that transformers loads
"onnx"          one FILE.onnx for ONNX Runtime and others (needs the package onnx)
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kerasft import storage
from kerasft.errors import ConfigError
from kerasft.exports.notes import notes
from kerasft.folder.manifest import read
from kerasft.tasks import load
from kerasft.tasks.classification.task import TextClassifier

FORMATS = ("keras", "huggingface", "onnx")
_SUFFIXES = {"keras": ".keras", "onnx": ".onnx"}


def export(
    folder: str | Path, format: str, output: str | Path, *, overwrite: bool = False
) -> list[str]:
    """Writes a saved folder in a foreign format, whole or not at all.

    Args:
        folder: A folder that `save` wrote.
        format: "keras", "huggingface" or "onnx".
        output: The file (or, for "huggingface", the directory) to write.
        overwrite: Whether an earlier export there may be replaced.

    Returns:
        What a user of the export must know, a sentence each: what is done to texts before the
        model, since that is not (or not all) in the export.

    Raises:
        ConfigError: The format is unknown, the output cannot be written or exists, or the format
            cannot hold this model; or the folder is of a task that has no exports.
        BundleError: The folder is broken.

    Example:
        >>> export("saved_models/run", "huggingface", "exported")
        ['Texts are cut at 64 tokens.']
    """
    if format not in FORMATS:
        raise ConfigError(
            f"the export format {format!r} is unknown; it must be one of {', '.join(FORMATS)}"
        )
    write = _writer(format)
    _check_output(Path(output), format, overwrite)
    task = read(folder).task
    if task != "classification":
        raise ConfigError(
            f"{folder} holds a model for {task}, which cannot be exported yet; only classifiers can"
        )
    classifier = load(folder, TextClassifier)
    from kerasft import peft

    if peft.adapted_layers(classifier.model):
        peft.remove(classifier.model)
    if format == "huggingface":
        from kerasft.exports.huggingface import is_export

        with storage.write_folder(output, is_ours=lambda path: overwrite and is_export(path)) as to:
            write(classifier, to)
    else:
        with storage.write_file(output) as to:
            write(classifier, to)
    return notes(classifier)


def _writer(format: str) -> Callable[[TextClassifier, Path], None]:
    if format == "keras":
        from kerasft.exports.keras_file import write_keras

        return write_keras
    if format == "huggingface":
        from kerasft.exports.huggingface import write_huggingface

        return write_huggingface
    return _write_onnx


def _write_onnx(classifier: TextClassifier, to: Path) -> None:
    from kerasft.runtimes.onnx.export import facts
    from kerasft.runtimes.onnx.write import write_onnx

    longest = classifier.model.arguments.max_length
    write_onnx(classifier.model, to, longest, facts(classifier))


def _check_output(output: Path, format: str, overwrite: bool) -> None:
    if format == "huggingface":
        from kerasft.exports.huggingface import is_export

        if is_export(output) and not overwrite:
            raise ConfigError(f"{output} exists; name another folder or add --overwrite")
        storage.check_output(output, is_export)
        return
    suffix = _SUFFIXES[format]
    if output.suffix != suffix:
        raise ConfigError(f"{output} must end in {suffix}")
    if output.is_dir():
        raise ConfigError(f"{output} is a folder; name a file")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} exists; name another file or add --overwrite")
    if not output.absolute().parent.is_dir():
        raise ConfigError(f"{output}: there is no folder {output.absolute().parent}")
