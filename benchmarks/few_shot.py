"""The recipe with few rows per class, beside itself without `--few_shot`, SetFit and TF-IDF.

    python benchmarks/few_shot_draws.py --trec6 trec6.csv --complaints complaints.csv draws
    python benchmarks/few_shot.py draws --save ours.jsonl
    setfit-venv/bin/python benchmarks/setfit_side.py draws --checkpoint minilm --save setfit.jsonl
    python benchmarks/few_shot.py --show ours.jsonl setfit.jsonl

Each run is the recipe `distilbert_lora` with its defaults but 64 tokens per text, as beside it.
`--sides` chooses what is run: `on` and `off` are `--few_shot` (of `off` comes TF-IDF + logistic
regression, too), `two` is `on` with `--last_layers 2`, `pairs` with SetFit's loss, the squared
error of the cosine, over all pairs of a batch. A line is written a run, and what is in the file
is not run again. Seconds are those of the processor, of training alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
from keras import ops

from few_shot_draws import SIZES, VALIDATION
from kerasft import training
from kerasft.evaluation.label_scores import TFIDF
from kerasft.recipes import distilbert_lora
from kerasft.training import contrastive_loss

MAX_LENGTH = 64  # of both sides
SETS = ("trec6", "complaints", "conversations")
SIDES = {
    "on": "kerasft",
    "two": "kerasft, `--last_layers 2`",
    "pairs": "kerasft, the loss of pairs",
    "setfit": "SetFit",
    "off": "kerasft, `--few_shot off`",
    "tfidf": TFIDF,
}


class CosineSimilarity(keras.losses.Loss):
    """SetFit's loss over all pairs of a batch, those of one class weighing as much as the others.

    (cos(a, b) - 1 or 0)^2, as sentence-transformers' CosineSimilarityLoss has it.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """The loss of each row, of class ids (batch,) and vectors (batch, width): (batch,)."""
        unit = ops.normalize(y_pred, axis=-1)
        cosines = ops.matmul(unit, ops.transpose(unit))  # (batch, batch)
        same = ops.cast(y_true[:, None] == y_true[None, :], "float32")
        partners = same - ops.eye(same.shape[0])
        of_same = (cosines - 1) ** 2 * partners / ops.sum(partners)
        of_others = cosines**2 * (1 - same) / ops.sum(1 - same)
        return ops.sum(of_same + of_others, axis=1) * same.shape[0] / 2


def run(folder: Path, size: int, side: str, scratch: Path, preset: str) -> list[dict[str, Any]]:
    """One run of the recipe; returns its scores, and without `few_shot` those of TF-IDF."""
    spent: list[float] = []
    fit, loss = training.fit, contrastive_loss.SupervisedContrastive

    def timed(*args: Any, **options: Any) -> Any:
        start = time.process_time()
        done = fit(*args, **options)
        spent.append(time.process_time() - start)
        return done

    training.fit = timed
    if side == "pairs":
        contrastive_loss.SupervisedContrastive = lambda temperature: CosineSimilarity()
    try:
        output = distilbert_lora.run(
            distilbert_lora.Config(
                preset=preset,
                data=str(folder / f"{size}.csv"),
                test_data=str(folder / "test.csv"),
                validation=VALIDATION / (size + VALIDATION),
                max_length=MAX_LENGTH,
                few_shot="off" if side == "off" else "on",
                last_layers=2 if side == "two" else None,
                export="none",
                output=str(scratch / "out"),
            )
        )
    finally:
        training.fit, contrastive_loss.SupervisedContrastive = fit, loss
    metrics = json.loads((output / "report" / "metrics.json").read_text())
    rows = [{"side": side, "cpu_seconds": sum(spent), **scores(metrics["test"])}]
    if side == "off":
        rows.append({"side": "tfidf", **scores(metrics["baselines"][TFIDF])})
    return rows


def scores(test: dict[str, Any]) -> dict[str, float]:
    """Accuracy and macro-F1 of a report's part."""
    return {name: test[name] for name in ("accuracy", "macro_f1")}


def show(paths: list[Path]) -> None:
    """Prints a table of means and standard deviations over the draws that every side has."""
    rows = [json.loads(line) for path in paths for line in path.read_text().splitlines()]
    sides = [side for side in SIDES if any(row["side"] == side for row in rows)]
    print("| rows per class | data | draws | what | accuracy | macro-F1 | seconds |")
    print("|---|---|---|---|---|---|---|")
    for size in SIZES:
        for name in SETS:
            cell = {
                side: {
                    row["draw"]: row
                    for row in rows
                    if (row["side"], row["data"], row["size"]) == (side, name, size)
                }
                for side in sides
            }
            cell = {side: found for side, found in cell.items() if found}
            draws = set.intersection(*map(set, cell.values())) if cell else set()
            for side, found in cell.items() if draws else ():
                kept = [found[draw] for draw in draws]
                seconds = [row["cpu_seconds"] for row in kept if "cpu_seconds" in row]
                time_ = f"{statistics.mean(seconds):.0f}" if seconds else ""
                said = [_spread([row[m] for row in kept]) for m in ("accuracy", "macro_f1")]
                print(
                    f"| {size} | {name} | {len(draws)} | {SIDES[side]} | {said[0]} | {said[1]} "
                    f"| {time_} |"
                )


def _spread(values: list[float]) -> str:
    """Mean and standard deviation."""
    spread = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{spread}"


def main() -> None:
    """Runs what is not in the file yet, draw by draw, or shows files."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--save", type=Path)
    parser.add_argument("--preset", default="minilm")
    choices = ["on", "off", "two", "pairs"]
    parser.add_argument("--sides", nargs="+", default=["on", "off"], choices=choices)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--draws", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--show", type=Path, nargs="+")
    args = parser.parse_args()
    if args.show:
        return show(args.show)
    if args.folder is None or args.save is None:
        parser.error("give the folder of the draws and --save, or --show")
    lines = args.save.read_text().splitlines() if args.save.exists() else []
    done = {tuple(json.loads(line)[k] for k in ("side", "data", "size", "draw")) for line in lines}
    for draw in args.draws:
        for size in args.sizes:
            for name in args.sets:
                for side in args.sides:
                    if (side, name, size, draw) in done:
                        continue
                    with tempfile.TemporaryDirectory() as scratch:
                        place = args.folder / name / str(draw)
                        found = run(place, size, side, Path(scratch), args.preset)
                    for row in found:
                        row = {"data": name, "size": size, "draw": draw, **row}
                        print(row, flush=True)
                        with args.save.open("a") as file:
                            file.write(json.dumps(row) + "\n")
    return None


if __name__ == "__main__":
    main()
