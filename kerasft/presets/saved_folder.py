"""A folder that a run of ours saved, as the start of the next one."""

from pathlib import Path
from typing import cast

from kerasft import bundle, peft
from kerasft.bundle import TaggingManifest, manifest
from kerasft.errors import BundleError, PresetError
from kerasft.models import Pooling
from kerasft.presets.pretrained import Pretrained
from kerasft.storage import sha256_file
from kerasft.weight_maps import to_tensors

MANIFEST = "bundle.json"


def load_saved_folder(folder: Path) -> Pretrained:
    """Reads a saved folder: its weights with the adapter merged in, its head and its labels.

    Args:
        folder: Holds bundle.json.

    Raises:
        PresetError: The folder is broken or was changed by hand.
    """
    saved: bundle.Bundle | bundle.TaggerBundle
    try:
        is_tagger = manifest.read(folder).task == TaggingManifest.task
        saved = bundle.load_tagger(folder) if is_tagger else bundle.load(folder)
    except BundleError as error:
        raise PresetError(f"the preset {folder} cannot be loaded: {error}") from error
    if peft.adapted_layers(saved.model):
        peft.merge(saved.model)
    labels, tags, pooling = None, None, None
    if isinstance(saved, bundle.TaggerBundle):
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
        sha256=sha256_file(folder / MANIFEST),  # it holds the hash of every other file
        head_pooling=pooling,
        pooling=cast(Pooling, pooling or "first"),
        pooling_reason="as it did in the saved folder",
        tags=tags,
    )
