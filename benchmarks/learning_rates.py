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

import keras
from sklearn.metrics import f1_score

from kerasft import backends, training
from kerasft.config import parse
from kerasft.presets import load_preset
from kerasft.recipes import distilbert_lora, methods
from kerasft.recipes.shared.fine_tuning import tune
from kerasft.recipes.shared.frozen_backbone import train_above_backbone
from kerasft.tasks.labelled.batches import labelled_batches
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.text.labels import LabelMap

RATES = (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)


def macro_f1(config: distilbert_lora.Config, dataset: Dataset) -> float:
    """Validation macro-F1 of one run, in hundredths; of the recipe all but saving and testing."""
    backends.seed_everything(config.seed)
    labels = LabelMap.from_labels(dataset.train["label"])
    pretrained = load_preset(config.preset, architecture=config.architecture)
    config = dataclasses.replace(config, pooling=config.pooling_for(pretrained)[0])
    model, _ = pretrained.build_classifier(len(labels), config.pooling, labels.names)
    tune(model, config, pretrained.tokenizer)
    batches = labelled_batches(
        dataset,
        pretrained.tokenizer,
        labels,
        max_length=config.max_length,
        long_texts=config.long_texts,
        batch_size=config.batch_size,
        seed=config.seed,
        class_weight=config.class_weight,
        group_by_length=config.group_by_length,
    )
    above, _ = train_above_backbone(model, batches, config, Path(config.output))
    above.model.compile(
        training.adam(config.rate(len(batches.train) * config.epochs), config.rate_ratios),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    above.model.fit(above.train, epochs=config.epochs, verbose=0)
    logits = batches.validation.unsort(model.predict(batches.validation, verbose=0))
    truth = labels.encode(dataset.validation["label"])
    return 100 * f1_score(truth, logits.argmax(-1), average="macro")


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
                macro_f1(dataclasses.replace(run, learning_rate=rate), dataset) for run in runs
            ]
            done.setdefault(name, {})[str(rate)] = scores
            seconds = time.perf_counter() - started
            print(f"{name} {rate:g}: {statistics.mean(scores):.1f} ({seconds:.0f} s)", flush=True)
            arguments.save.write_text(json.dumps(done, indent=1))
    return None


if __name__ == "__main__":
    main()
