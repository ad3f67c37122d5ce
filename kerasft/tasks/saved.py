"""Saves the parts of any task as one folder, whole or not at all, and loads them.

save("saved_models/mails", TextClassifier(model, tokenizer, labels, max_length=128))
classifier = load("saved_models/mails", TextClassifier)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, overload

from kerasft.errors import FolderError
from kerasft.folder.card import Facts
from kerasft.folder.contents import MANIFEST, REPORT, Manifest, Reader, short
from kerasft.folder.export_files import EXPORT
from kerasft.folder.manifest import read
from kerasft.folder.opened import KERAS, Opened, open_saved
from kerasft.folder.writing import Report, new_folder, versions
from kerasft.tasks.registry import TASKS, task_of
from kerasft.tasks.task import Task

Parts = TypeVar("Parts")


def check_parts(parts: Any) -> None:
    """Checks that parts can be saved and loaded again; a run calls it before the training.

    Args:
        parts: Those of any task; the model need not be trained.

    Raises:
        ConfigError: A number is out of its range, or the parts do not fit each other.
    """
    task_of(parts).check(parts)


def save(
    folder: str | Path,
    parts: Any,
    *,
    config_yaml: str = "",
    card: str = "",
    report: Report | None = None,
    base_model: str = "",
) -> Path:
    """Writes the saved folder; see `kerasft.folder.contents` for what is in it.

    With an adapter, it and the layers that trained fully go into `adapter/`, all other weights into
    `model.safetensors`; each weight is in exactly one file. Otherwise all are in
    `model.safetensors`.

    Args:
        folder: Where; it may exist if it is empty or a saved folder, which is replaced.
        parts: What is saved: `TextClassifier`, `TokenTagger`, `Translator`, ...
        config_yaml: The resolved config of the run.
        card: The text of README.md, to which versions and the way to predict are added;
            `Facts.card` makes one.
        report: Called with the folder `report/` to write plots and metrics into it; a failure is
            a sentence of the card. `adding_report` adds one to a folder that is saved already.
        base_model: Where the pretrained weights came from.

    Returns:
        The folder.

    Raises:
        ConfigError: The folder cannot be written, or the parts do not fit each other.

    Example:
        >>> save("saved_models/run", TextClassifier(model, tokenizer, labels, max_length=64))
    """
    task = task_of(parts)
    task.check(parts)
    manifest = Manifest(
        task=task.name,
        architecture=parts.model.architecture,
        arguments=parts.model.arguments.to_dict(),
        settings=task.settings_of(parts),
        max_length=parts.max_length,
        base_model=base_model,
        versions=versions(),
    )
    with new_folder(
        folder,
        manifest,
        config_yaml=config_yaml,
        card=card or Facts().card(Path(folder).name),
        report=report,
    ) as place:
        task.write(parts, place, base_model)
    return Path(folder)


@overload
def load(folder: str | Path | Opened) -> Any: ...


@overload
def load(folder: str | Path | Opened, kind: type[Parts]) -> Parts: ...


def load(folder: str | Path | Opened, kind: type = object) -> Any:
    """Loads what `save` saved, on the current backend.

    The model comes from our own registry of architectures and validated JSON: nothing that a file
    names is imported. Hashes, sizes and shapes are checked before memory is taken for the model.

    Args:
        folder: The saved folder, or what `open_saved` read of it.
        kind: The class of the parts that are needed; a folder of another task is refused.

    Raises:
        FolderError: One sentence that names the file that is missing, changed or does not fit; or
            the folder is of another task.

    Example:
        >>> load("saved_models/run", TextClassifier).labels.names
        ('business', 'sports')
    """
    manifest = folder.manifest if isinstance(folder, Opened) else read(folder)
    task = check_manifest(folder, manifest, kind)
    opened = folder if isinstance(folder, Opened) else open_saved(folder, KERAS, manifest)
    return task.load(opened)


def check_manifest(
    folder: str | Path | Opened, manifest: Manifest, kind: type = object
) -> Task[Any]:
    """Checks what an untrusted manifest says of its task, and returns the task.

    Args:
        folder: Its path, for error messages.

    Raises:
        FolderError: The task is unknown or another, its settings are no good, or it has other
            files.
    """
    file = Path(folder) / MANIFEST
    if manifest.task not in TASKS:
        raise FolderError(
            f"{file}: the task {manifest.task[:60]!r} is unknown; this kerasft knows "
            f"{', '.join(TASKS)}."
        )
    task = TASKS[manifest.task]
    for key in task.settings:
        if key not in manifest.settings:
            raise FolderError(f"{file} has no {key!r} among its settings.")
    for key in manifest.settings:
        if key not in task.settings:
            raise FolderError(f"{file} has an unknown setting {short(key)}.")
    for name in task.files:
        if name not in manifest.files:
            raise FolderError(f"{file} does not list {name}.")
    for name in manifest.files:
        if name not in task.all_files and not name.startswith((f"{REPORT}/", f"{EXPORT}/")):
            raise FolderError(f"{file} lists {name}, which no model for {task.name} has.")
    for name in manifest.exports:
        if name not in task.runtimes:
            raise FolderError(
                f"{file} lists the export {name}, which no model for {task.name} has."
            )
    task.check_settings(Reader(manifest.settings, file))
    if not issubclass(task.parts, kind):
        needed = " or ".join(name for name, t in TASKS.items() if issubclass(t.parts, kind))
        raise FolderError(
            f"{folder} holds a model for {task.name}, but one for {needed} is needed here."
        )
    return task
