"""Whether a classifier that learns from kept features is as good as one that runs its whole model.

    python benchmarks/cached_accuracy.py --config recipes/distilbert_lora/trec6_minilm.yaml \
        --data trec6.csv --last_layers 2 --frozen_dropout false --pooling first

The same recipe, rows and settings, with `--cache_backbone off` and with a directory that all seeds
share (so the first of them fills it). Printed are accuracy and macro-F1 on the test rows for every
seed, the seconds of the training, and the difference of the means beside what chance explains: 1.96
standard errors of that difference over the seeds.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import statistics
import tempfile
from pathlib import Path

from kerasft import backends
from kerasft.config import parse
from kerasft.recipes import distilbert_lora
from quality import ours

OFF, CACHED = "cache off", "from the cache"


def main() -> None:
    """Trains and prints Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    arguments, words = parser.parse_known_args()
    if len(arguments.seeds) < 2:
        parser.error("--seeds must be 2 or more: the noise is what they differ by")
    config = parse(distilbert_lora.Config, words)
    print(f"{backends.describe()}\n", flush=True)
    print("| seed | | accuracy | macro-F1 | s of training |\n|---|---|---|---|---|", flush=True)
    accuracies: dict[str, list[float]] = {OFF: [], CACHED: []}
    with tempfile.TemporaryDirectory() as scratch:
        kept = Path(scratch, "features")
        for seed in arguments.seeds:
            for name, cache in ((OFF, "off"), (CACHED, str(kept))):
                seeded = dataclasses.replace(config, seed=seed, cache_backbone=cache)
                folder = Path(scratch, name.replace(" ", "_"))
                folder.mkdir(exist_ok=True)
                (accuracy, f1, seconds), _ = ours(distilbert_lora.run, seeded, folder)
                accuracies[name].append(accuracy)
                print(
                    f"| {seed} | {name} | {accuracy:.4f} | {f1:.4f} | {seconds:.0f} |", flush=True
                )
        if not any(kept.rglob("*")):
            raise SystemExit("nothing was kept: see the run's own words with --cache_backbone on")
    means = {name: statistics.mean(found) for name, found in accuracies.items()}
    error = math.hypot(
        *(statistics.stdev(found) / math.sqrt(len(found)) for found in accuracies.values())
    )
    print(
        f"\nAccuracy: {means[OFF]:.4f} with the {OFF}, {means[CACHED]:.4f} {CACHED}: "
        f"{means[CACHED] - means[OFF]:+.4f}, of which chance explains {1.96 * error:.4f} either way"
    )


if __name__ == "__main__":
    main()
