"""A folder that a run of ours saved, as the start of the next one."""

from pathlib import Path

from kerasft import bundle, peft
from kerasft.errors import BundleError, PresetError
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
    try:
        saved = bundle.load(folder)
    except BundleError as error:
        raise PresetError(f"the preset {folder} cannot be loaded: {error}") from error
    if peft.adapted_layers(saved.model):
        peft.merge(saved.model)
    return Pretrained(
        architecture=saved.model.architecture,
        arguments=saved.model.arguments,
        tensors=to_tensors(saved.model),
        tokenizer=saved.tokenizer,
        labels=list(saved.label_map.names),
        source=str(folder),
        sha256=sha256_file(folder / MANIFEST),  # it holds the hash of every other file
        head_pooling=saved.model.pooling,
    )
