"""A saved folder as the start of another run."""

from pathlib import Path
from typing import Any, cast

from kerasft import peft
from kerasft.architectures import Classifier, HeadedEncoder, Pooling, to_tensors
from kerasft.errors import FolderError, PresetError
from kerasft.folder.opened import open_saved, sha256_of
from kerasft.presets.pretrained import Pretrained
from kerasft.tasks import load
from kerasft.tasks.headed_encoder import EncoderParts, EncoderTask
from kerasft.tasks.registry import task_of


def load_saved_folder(folder: Path) -> Pretrained:
    """Reads a saved folder: its weights with the adapter merged in, its head and its labels.

    Args:
        folder: Holds manifest.json.

    Raises:
        PresetError: The folder is broken, was changed by hand, or holds no encoder.
    """
    try:
        opened = open_saved(folder)
        saved: EncoderParts = load(opened)
    except FolderError as error:
        raise PresetError(f"the preset {folder} cannot be loaded: {error}") from error
    model = saved.model
    if not isinstance(model, HeadedEncoder):
        raise PresetError(
            f"the preset {folder} holds a model for {opened.manifest.task}, which is no encoder."
        )
    check_folds(model, folder)
    if peft.adapted_layers(model):
        peft.merge(model)
    names = list(saved.labels.names)
    task = cast(EncoderTask[Any], task_of(saved))
    task.stand_alone(saved)
    labels, tags, pooling = (
        (names, None, model.pooling) if isinstance(model, Classifier) else (None, names, None)
    )
    return Pretrained(
        architecture=model.architecture,
        arguments=model.arguments,
        tensors=to_tensors(model),
        tokenizer=saved.tokenizer,
        labels=labels,
        source=str(folder),
        sha256=sha256_of(opened.manifest),  # it holds the hash of every other file
        head_pooling=pooling,
        pooling=cast(Pooling, pooling or "first"),
        pooling_reason="as it did in the saved folder",
        tags=tags,
        problem_type=task.twin_config().get("problem_type"),
    )


def check_folds(model: Any, folder: Path) -> None:
    """Refuses a saved model as the start of another run where its adapters must stay on it.

    Raises:
        PresetError: They cannot be merged into the weights.
    """
    if title := peft.unmergeable(model):
        raise PresetError(
            f"the preset {folder} was tuned with {title}, which cannot be merged into the weights; "
            f"use the preset that it was tuned from, with --adapter {folder / 'adapter'}"
        )
