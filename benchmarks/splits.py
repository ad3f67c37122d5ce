"""LoRA, head-only and full fine-tuning side by side, on several splits of a shipped corpus.

    python benchmarks/splits.py --preset minilm
    python benchmarks/splits.py --corpus complaints --method lora
    python benchmarks/splits.py --corpus complaints --baseline --splits 20

Each run is the recipe of the corpus with its defaults. Printed are means over the splits: macro-F1
on the test rows (and its lowest and highest), seconds of training, parameters trained. With
`--baseline` TF-IDF + logistic regression alone is chosen and tested.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

from kerasft import backends
from kerasft.evaluation.label_scores import TFIDF, evaluate
from kerasft.recipes import distilbert_lora, tinybert_lora
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.text.labels import LabelMap

RECIPES = {"conversations": distilbert_lora, "complaints": tinybert_lora}


def measure(given: argparse.Namespace, method: str, split: int, scratch: Path) -> dict[str, float]:
    """Runs the recipe once; what its report says."""
    output = scratch / f"{method}-{split}"
    recipe = RECIPES[given.corpus]
    config = recipe.Config(
        method=method,
        preset=given.preset,
        pooling=given.pooling,
        epochs=given.epochs,
        split_seed=split,
        output=str(output),
    )
    with open(scratch / "log.txt", "a") as log, redirect_stdout(log):
        recipe.run(config)
    report = json.loads((output / "report" / "metrics.json").read_text())
    return {
        "f1": report["test"]["macro_f1"],
        "tfidf": report["baselines"][TFIDF]["macro_f1"],
        "seconds": report["seconds"],
        "trained": report["parameters"]["trained"],
    }


def of_baseline(corpus: str, split: int) -> float:
    """Macro-F1 of the chosen baseline on a split's test rows."""
    config = RECIPES[corpus].Config(split_seed=split)
    class_weight = None if config.class_weight == "none" else config.class_weight
    dataset = load_labelled(config)
    label_map = LabelMap.from_labels(dataset.train["label"])
    train, validation, test = (
        (part["text"], label_map.encode(part["label"])) for part in dataset.parts.values()
    )
    found = TfidfBaseline.choose(train, validation, len(label_map), class_weight=class_weight)
    return evaluate(test[1], found.probabilities(test[0]), label_map.names)["macro_f1"]


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="minilm")
    parser.add_argument("--pooling", choices=("first", "mean"))
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--method", nargs="+", default=("lora", "head", "full"))
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--corpus", default="conversations", choices=RECIPES)
    parser.add_argument("--baseline", action="store_true")
    arguments = parser.parse_args()
    if arguments.baseline:
        scores = [of_baseline(arguments.corpus, split) for split in range(arguments.splits)]
        print(row(TFIDF, scores), f"standard deviation {statistics.stdev(scores):.3f}")
        return
    print(backends.describe())
    print("\n| what trains | macro-F1, mean | lowest to highest | seconds | parameters trained |")
    print("|---|---|---|---|---|", flush=True)
    baseline: list[float] = []
    with tempfile.TemporaryDirectory() as scratch:
        for method in arguments.method:
            runs = [
                measure(arguments, method, split, Path(scratch))
                for split in range(arguments.splits)
            ]
            baseline = [r["tfidf"] for r in runs]
            print(row(f"`{method}`", [r["f1"] for r in runs]), end="")
            seconds = statistics.mean(r["seconds"] for r in runs)
            print(f" {seconds:.0f} | {runs[0]['trained']:,} |", flush=True)
    print(row(TFIDF, baseline) + " | |")


def row(name: str, scores: list[float]) -> str:
    """The first three columns."""
    mean = statistics.mean(scores)
    return f"| {name} | {mean:.3f} | {min(scores):.3f} to {max(scores):.3f} |"


if __name__ == "__main__":
    main()
