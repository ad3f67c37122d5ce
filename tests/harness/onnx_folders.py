"""Tiny saved classifiers with exports for ONNX Runtime, made once a test run."""

import csv
import functools
import tempfile
from pathlib import Path

import numpy as np

from harness import classifiers
from harness.folders import kept
from kerasft import peft, storage
from kerasft.architectures import Classifier
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.runtimes.onnx.write import write_onnx
from kerasft.runtimes.registry import RUNTIMES
from kerasft.tasks import load
from kerasft.tasks.classification.task import ClassificationTask
from kerasft.tasks.labelled.engine import HeadEngine

ROWS = 60
TEMPERATURE = 1.5


def texts(count: int, seed: int = 0) -> list[str]:
    """Random texts of one to fifteen words."""
    rng = np.random.default_rng(seed)
    words = [*classifiers.WORDS, "zebra", "him", "xylophone"]
    return [" ".join(rng.choice(words, rng.integers(1, 16))) for _ in range(count)]


def write_rows(path: Path, texts: list[str], labels: list[str]) -> None:
    """A csv file of labelled rows."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *zip(texts, labels, strict=True)])


def sure(engine: HeadEngine) -> tuple[list[str], list[str]]:
    """Texts that a model is surest of, and its labels for them, which 8 bits give them too."""
    found = texts(4 * ROWS)
    logits = engine.logits(found)
    ordered = np.sort(logits, axis=1)
    rows = np.argsort(ordered[:, -2] - ordered[:, -1])[:ROWS]
    return [found[row] for row in rows], [classifiers.LABELS[logits[row].argmax()] for row in rows]


def write_report(folder: Path) -> None:
    """A report with validation rows on which 8 bits are as good."""
    write_rows(folder / "validation.csv", *sure(classifier(plain())))
    storage.write_json(folder / "metrics.json", {"accuracy": 0.5})


def save(folder: Path, **options) -> Path:
    """A saved classifier without exports."""
    classifiers.save(folder, classifiers.build("bert"), **options)
    return folder


def classifier(folder: Path) -> HeadEngine:
    """The model of a folder through a graph outside of it, not compared with Keras."""
    parts = load(folder)
    made = ClassificationTask().to_write(parts)
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch, "model.onnx")
        write_onnx(made.model, file, made.longest)
        files = {file.name: file.read_bytes()}
    encoder = RUNTIMES["onnx"].open("onnx", file.parent, files, made.reading)
    return HeadEngine(parts, encoder)


def with_adapter() -> Classifier:
    """A classifier whose adapter changes what it says, as if it had been trained."""
    model = classifiers.build("bert")
    before = classifiers.logits(model)
    targets = ("transformer_layer_1/self_attention_layer/(query|value)",)
    peft.apply(model, peft.LoRAConfig(targets, rank=3, modules_to_save=model.head_layers))
    rng = np.random.default_rng(0)
    for layer in peft.adapted_layers(model):
        layer.lora_b.assign(rng.standard_normal(tuple(layer.lora_b.shape)))
    assert np.abs(classifiers.logits(model) - before).max() > 0.01
    return model


@functools.cache
def plain() -> Path:
    """A folder without exports and without rows. Copy it before you change it."""
    return save(kept("plain"))


@functools.cache
def saved() -> Path:
    """A folder with both exports and validation rows. Copy it before you change it."""
    folder = save(plain().with_name("tiny"), report=write_report, temperature=TEMPERATURE)
    make_export(folder, "onnx-int8")
    return folder


@functools.cache
def keras() -> Predictor:
    """The folder `saved` through Keras, whose functions are compiled once."""
    return Predictor(saved(), engine="keras")
