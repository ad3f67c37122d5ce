"""A few learning rates for each method of tuning, on the validation rows of some data.

    python benchmarks/learning_rates.py --config recipes/methods/trec6.yaml --data trec6.csv \
        --sample 1000 --validation 0.3 --save trec6.json
    python benchmarks/learning_rates.py --show trec6.json complaints.json conversations.json

Everything but the rate is that of the recipe `methods`. The test rows are not looked at.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

from kerasft.config import parse
from kerasft.recipes import methods
from kerasft.tasks.labelled.labelled_texts import load_labelled
from trial import trial

RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)


def show(paths: list[Path]) -> None:
    """Prints each method's table: a row a file, a column a rate; the mean of the seeds."""
    files = {path.stem: json.loads(path.read_text()) for path in paths}
    for method in next(iter(files.values())):
        rates = sorted({rate for found in files.values() for rate in found[method]}, key=float)
        print(f"\n| {method} |" + "".join(f" {float(rate):g} |" for rate in rates))
        print("|---|" + "---:|" * len(rates))
        losses = []
        for name, found in files.items():
            means = {rate: statistics.mean(seeds) for rate, seeds in found[method].items()}
            losses.append({rate: max(means.values()) - mean for rate, mean in means.items()})
            print(f"| {name} |" + "".join(f" {means.get(rate, 0):.1f} |" for rate in rates))
        worst = [max(loss.get(rate, 100) for loss in losses) for rate in rates]
        print("| most below the best |" + "".join(f" {loss:.1f} |" for loss in worst))


def main() -> None:
    """Measures, or shows what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--show", type=Path, nargs="+", help="files of earlier searches")
    parser.add_argument("--save", type=Path, default=Path("learning_rates.json"))
    parser.add_argument("--rates", type=float, nargs="+", help="instead of those near the usual")
    parser.add_argument("--around", type=int, default=2, help="rates beside the usual one")
    arguments, words = parser.parse_known_args()
    if arguments.show:
        return show(arguments.show)
    config = parse(methods.Config, words)
    dataset = load_labelled(config)
    print("\n".join(dataset.describe()))
    done = json.loads(arguments.save.read_text()) if arguments.save.exists() else {}
    for name in methods.chosen_methods(config):
        runs = methods.run_configs(config, name)
        usual = min(RATES, key=lambda rate: abs(rate / runs[0].peak_rate - 1))
        middle = RATES.index(usual)
        near = RATES[max(0, middle - arguments.around) : middle + arguments.around + 1]
        for rate in arguments.rates or near:
            if len(done.get(name, {}).get(str(rate), ())) >= len(runs):
                continue
            started = time.perf_counter()
            scores = [
                trial(dataclasses.replace(run, learning_rate=rate), dataset, "validation")[1]
                for run in runs
            ]
            done.setdefault(name, {})[str(rate)] = scores
            seconds = time.perf_counter() - started
            print(f"{name} {rate:g}: {statistics.mean(scores):.1f} ({seconds:.0f} s)", flush=True)
            arguments.save.write_text(json.dumps(done, indent=1))
    return None


if __name__ == "__main__":
    main()
