"""Runs to compare: made up ones, in no time, and real saved folders with their reports."""

from pathlib import Path

import numpy as np

from harness import classifiers
from harness.texts import labelled
from kerasft.data.rows import Rows
from kerasft.data.splits import hash_of_texts
from kerasft.folder.contents import FileEntry, Manifest
from kerasft.reporting import Candidate, Costs, Latency, Run, candidates, compare
from kerasft.tasks.classification.target import ClassTarget
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.report import score, text_report
from kerasft.tasks.registry import TASKS
from kerasft.text.labels import LabelMap

CLASSES = ("Debt | <b>collection</b>", "Loans", "Mortgage")
HISTORY = {"losses": [1.0, 0.5], "epochs": [{"epoch": 1, "step": 2, "loss": 0.7, "val_loss": 0.6}]}
FILES = {
    "model.safetensors": 9_000_000,
    "tokenizer.json": 500_000,
    "adapter/adapter_config.json": 1_000,
    "adapter/adapter_model.safetensors": 99_000,
    "config.yaml": 700,
    "README.md": 800,
    "report/loss.png": 40_000,
}


def predictions(
    truth: np.ndarray, skill: float, seed: int, classes: int = len(CLASSES)
) -> np.ndarray:
    """Probabilities (rows, classes) that find the truth the more often the more skill there is."""
    logits = np.random.default_rng(seed).normal(size=(len(truth), classes))
    logits += skill * np.eye(classes)[truth]
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def make_truth(rows: int = 120) -> np.ndarray:
    """True classes (rows,), the first the most frequent."""
    return np.random.default_rng(7).choice(len(CLASSES), rows, p=[0.5, 0.3, 0.2])


def make_run(name: str, truth: np.ndarray, skill: float, **changes: object) -> Run:
    """A run that nobody trained."""
    report = {
        "test_sha256": "ab" * 32,
        "seconds": 75.0,
        "peak_memory_bytes": 1.2e9,
        "parameters": {"trained": 60_000, "frozen": 22_640_000},
        "machine": "torch 2.0 on cpu, 1 thread",
        "baseline_costs": {
            "seconds": 0.5, "parameters": {"trained": 9_000, "frozen": 0}, "bytes": 100_000,
            "peak_memory_bytes": 2e8, "ms_per_text": {"1": 0.5, "32": 0.1},
        },
    }  # fmt: skip
    manifest = Manifest(
        task="classification", architecture="bert", arguments={}, max_length=64,
        files={file: FileEntry(size, "0" * 64) for file, size in FILES.items()},
    )  # fmt: skip
    parts = {
        "name": name,
        "folder": Path("saved_models", name),
        "manifest": manifest,
        "task": TASKS["classification"],
        "report": report,
        "labels": CLASSES,
        "texts": [f"text {row} <script>alert(1)</script> | *x*" for row in range(len(truth))],
        "truth": truth,
        "said": predictions(truth, skill, len(name)),
        "baseline": predictions(truth, 2.0, 99),
    }
    return Run(**{**parts, **changes})


LATENCY = {1: Latency(4.0, 3.9, 4.4), 32: Latency(2.0, 1.9, 2.2)}


def make_comparison(rows: int = 120, skills: dict[str, float] | None = None, draws: int = 200):
    """Made up runs and what `compare` says of them and their baseline."""
    truth = make_truth(rows)
    skills = skills or {"small": 1.5, "large": 3.5}
    runs = [make_run(name, truth, skill) for name, skill in skills.items()]
    found = candidates(runs, {run.name: LATENCY for run in runs})
    return runs, compare(found, runs[0].texts, truth, CLASSES, draws=draws)


def candidate(name: str, probabilities: np.ndarray, **options: object) -> Candidate:
    """A candidate that costs nothing."""
    return Candidate(name, probabilities, Costs(), **options)


def make_table(rows: int, seed: int) -> Rows:
    """Texts of a few known words, each class of `classifiers.LABELS` with a word of its own."""
    random = np.random.default_rng(seed)
    labels = [classifiers.LABELS[row % len(classifiers.LABELS)] for row in range(rows)]
    own = dict(zip(classifiers.LABELS, ("cat", "that", "was"), strict=True))
    texts = [
        " ".join(
            [*random.choice(classifiers.WORDS, 5), own[label], f"{'abcdefghij'[row % 10]}{row}"]
        )
        for row, label in enumerate(labels)
    ]
    return labelled(texts, labels, "made up", "0" * 64)


def save_run(
    folder: Path,
    architecture: str = "distilbert",
    *,
    test: Rows | None = None,
    label_map: LabelMap | None = None,
    **more: object,
) -> Path:
    """Saves a tiny untrained classifier with the report that a recipe leaves.

    Args:
        folder: Where.
        architecture: "bert" or "distilbert".
        test: Its test rows; by default always the same.
        label_map: Its classes.
        more: Entries of its metrics.json, in place of the usual ones.
    """
    train, test = make_table(30, seed=1), test or make_table(24, seed=2)
    label_map = label_map or LabelMap(classifiers.LABELS)
    model = classifiers.build(architecture)
    logits = classifiers.logits(model, test["text"]).astype(np.float64)
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    known = labelled(
        train["text"], [label_map.names[row % 3] for row in range(30)], "made up", "0" * 64
    )
    target = ClassTarget(label_map)
    scores = score(target, probabilities, Dataset(known, known, test, "ab", []))
    entries = {
        "seconds": 3.0,
        "parameters": {"trained": 10, "frozen": 20},
        "test_sha256": hash_of_texts(test["text"]),
        **more,
    }
    report = text_report(target, scores, HISTORY, test, probabilities, **entries)
    return classifiers.save(folder, model, labels=label_map, report=report).folder
