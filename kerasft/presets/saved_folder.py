"""A folder that a run of ours saved, as the start of the next one."""

from pathlib import Path
from typing import cast

from kerasft import peft
from kerasft.architectures import Pooling, to_tensors
from kerasft.errors import BundleError, PresetError
from kerasft.folder import TaggingManifest
from kerasft.folder.opened import open_saved, sha256_of
from kerasft.presets.pretrained import Pretrained
from kerasft.tasks.classification.load import Bundle, load
from kerasft.tasks.tagging.saved import TaggerBundle, load_tagger

MANIFEST = "bundle.json"


def load_saved_folder(folder: Path) -> Pretrained:
    """Reads a saved folder: its weights with the adapter merged in, its head and its labels.

    Args:
        folder: Holds bundle.json.

    Raises:
        PresetError: The folder is broken or was changed by hand.
    """
    saved: Bundle | TaggerBundle
    try:
        opened = open_saved(folder)
        is_tagger = opened.manifest.task == TaggingManifest.task
        saved = load_tagger(opened) if is_tagger else load(opened)
    except BundleError as error:
        raise PresetError(f"the preset {folder} cannot be loaded: {error}") from error
    if peft.adapted_layers(saved.model):
        peft.merge(saved.model)
    labels, tags, pooling = None, None, None
    if isinstance(saved, TaggerBundle):
        tags = list(saved.tags.names)
    else:
        labels, pooling = list(saved.label_map.names), saved.model.pooling
    return Pretrained(
        architecture=saved.model.architecture,
        arguments=saved.model.arguments,
        tensors=to_tensors(saved.model),
        tokenizer=saved.tokenizer,
        labels=labels,
        source=str(folder),
        sha256=sha256_of(saved.manifest),  # it holds the hash of every other file
        head_pooling=pooling,
        pooling=cast(Pooling, pooling or "first"),
        pooling_reason="as it did in the saved folder",
        tags=tags,
    )
