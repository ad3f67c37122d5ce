"""Saved folders without a model, and changes as only a forger would make: every hash fits again."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.numpy

from kerasft import storage
from kerasft.folder import Facts
from kerasft.folder import contents as c
from kerasft.folder import manifest as m
from kerasft.folder.opened import open_saved
from kerasft.tasks import save
from kerasft.tasks.registry import TASKS
from kerasft.tasks.saved import check_manifest

FACTS = c.Manifest(
    task="classification", architecture="distilbert",
    arguments={"num_layers": 2, "layer_norm_epsilon": 1e-12},
    settings={
        "num_labels": 3, "pooling": "first", "cleaning": {}, "long_texts": "cut",
        "text_pairs": False, "temperature": 1.0,
    },
    max_length=32, versions={"kerasft": "0.1.0"},
)  # fmt: skip
FILES = (
    *TASKS["classification"].all_files,
    "report/metrics.json",
    "report/plots/loss.png",
)


_KEPT: list[tempfile.TemporaryDirectory] = []  # removed when the test run ends


def kept(name: str) -> Path:
    """A place for a folder that is made once a test run."""
    _KEPT.append(tempfile.TemporaryDirectory(prefix="kerasft-tests-"))
    return Path(_KEPT[-1].name, name)


def write(destination: Path, fill: bytes = b"x", size: int = 100) -> Path:
    """Writes a saved folder of arbitrary bytes."""
    with storage.write_folder(destination, is_ours=m.is_ours) as folder:
        for name in FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(fill * size)
        m.seal(folder, FACTS)
    return destination


def reseal(folder: Path, change: Callable[[dict], object] = lambda data: None) -> None:
    """Changes manifest.json and makes every hash fit again."""
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
    tensors = safetensors.numpy.load_file(file)
    change(tensors)
    safetensors.numpy.save_file(tensors, file)


def set_argument(**values: object) -> Callable[[dict], object]:
    """A change of the model's arguments in manifest.json."""
    return lambda data: data["arguments"].update(values)


def set_setting(**values: object) -> Callable[[dict], object]:
    """A change of the task's settings in manifest.json."""
    return lambda data: data["settings"].update(values)


def save_parts(folder: Path, kind: Callable[..., object], title: str, **options: object) -> Path:
    """Saves parts of a task, with a stand-in for everything else that is not in `options`."""
    others = {
        "config_yaml": "seed: 0\n",
        "card": Facts("kerasft run none").card(title),
        "report": lambda report: storage.write_json(report / "metrics.json", {"accuracy": 0.5}),
        "base_model": "random",
    }
    others = {name: options.pop(name, value) for name, value in others.items()}
    return save(folder, kind(**options), **others)


def task_engine(folder: Path, engine: str = "keras", **options: object) -> Any:
    """What answers below a folder's predictor, which checks nothing of texts."""
    opened = open_saved(folder, engine)
    return check_manifest(folder, opened.manifest).open(opened, **options)._engine
