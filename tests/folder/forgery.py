"""Changing saved folders as only a forger would: every hash is made to fit again."""

import json
from collections.abc import Callable
from pathlib import Path

import safetensors.numpy

from kerasft import storage
from kerasft.folder import contents as c
from kerasft.folder.weights import Tensors


def reseal(folder: Path, change: Callable[[dict], object] = lambda data: None) -> None:
    """Changes bundle.json and makes every hash fit again."""
    file = folder / c.MANIFEST
    data = json.loads(file.read_text())
    change(data)
    for name, entry in data["files"].items():
        entry["bytes"] = (folder / name).stat().st_size
        entry["sha256"] = storage.sha256_file(folder / name)
    data.pop("sha256")
    data["sha256"] = c.hash_of(data)
    storage.write_json(file, data)


def rewrite(file: Path, change: Callable[[dict], object]) -> None:
    """Changes the tensors of a safetensors file."""
    tensors = dict(Tensors(file))
    change(tensors)
    safetensors.numpy.save_file(tensors, file)


def set_argument(**values: object) -> Callable[[dict], object]:
    """A change of the model's arguments in bundle.json."""
    return lambda data: data["arguments"].update(values)
