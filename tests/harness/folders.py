"""Saved folders without a model, and changes as only a forger would make: every hash fits again."""

import json
from collections.abc import Callable
from pathlib import Path

import safetensors.numpy

from kerasft import storage
from kerasft.folder import contents as c
from kerasft.folder import manifest as m
from kerasft.folder.weights import Tensors

FACTS = c.ClassificationManifest(
    architecture="distilbert", arguments={"num_layers": 2, "layer_norm_epsilon": 1e-12},
    num_labels=3, pooling="first", max_length=32, versions={"kerasft": "0.1.0"},
)  # fmt: skip
FILES = (
    *c.ClassificationManifest.required,
    *c.ADAPTER,
    "report/metrics.json",
    "report/plots/loss.png",
)


def write(destination: Path, fill: bytes = b"x", size: int = 100) -> Path:
    """Writes a saved folder of arbitrary bytes."""
    with storage.write_folder(destination, is_ours=m.is_ours) as folder:
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(fill * size)
        m.seal(folder, FACTS)
    return destination


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
