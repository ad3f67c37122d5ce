"""Tiny saved classifiers with exports for ONNX Runtime, made once a test run."""

import csv
import functools
import tempfile
from pathlib import Path

import numpy as np

import bundles
from kerasft import storage
from kerasft.engines.onnx_export import make_export

MAX_LENGTH = 40
TEXTS = [text for text in bundles.TEXTS if len(text) < 100]  # those that no folder cuts
ROWS = 60


def texts(count: int, seed: int = 0) -> list[str]:
    """Random texts of one to thirty words."""
    rng = np.random.default_rng(seed)
    words = [*bundles.WORDS, "zebra", "him", "xylophone"]
    return [" ".join(rng.choice(words, rng.integers(1, 30))) for _ in range(count)]


def write_rows(path: Path, texts: list[str], labels: list[str]) -> None:
    """A csv file of labelled rows."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *zip(texts, labels, strict=True)])


def keep_rows(name: str = "validation.csv"):
    """What writes a report that holds the rows for the comparison of 8 bits with 32."""

    def report(folder: Path) -> None:
        storage.write_json(folder / "metrics.json", {"accuracy": 0.5})
        labels = [bundles.LABELS[row % 3] for row in range(ROWS)]
        write_rows(folder / name, texts(ROWS), labels)

    return report


def save(folder: Path, **options) -> Path:
    """A saved classifier with validation rows and no export; lengths of 16, 32 and 40."""
    model = bundles.build("bert", pooling="first")
    bundles.save(folder, model, **{"max_length": MAX_LENGTH, "report": keep_rows(), **options})
    return folder


@functools.cache
def saved() -> Path:
    """A folder with both exports. Copy it before you change it."""
    _keep.append(tempfile.TemporaryDirectory(prefix="kerasft-tests-"))
    folder = save(Path(_keep[-1].name, "tiny"))
    make_export(folder, "onnx-int8")
    return folder


_keep: list[tempfile.TemporaryDirectory] = []  # removed when the test run ends
