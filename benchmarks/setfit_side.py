"""SetFit on the draws of `few_shot_draws.py`, in an environment of its own that has `setfit`.

    setfit-venv/bin/python benchmarks/setfit_side.py draws --checkpoint minilm --save setfit.jsonl

SetFit as it comes: CosineSimilarityLoss over pairs, oversampled, one epoch of batches of 16 pairs,
2e-5, then scikit-learn's logistic regression. The encoder is put together as all-MiniLM-L6-v2 says:
mean pooling, then vectors of length 1.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from pathlib import Path

from datasets import Dataset
from sentence_transformers import SentenceTransformer, models
from setfit import SetFitModel, Trainer, TrainingArguments
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score


def read(path: Path) -> tuple[list[str], list[str]]:
    """The texts and labels of a file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["text"] for row in rows], [row["label"] for row in rows]


def run(folder: Path, size: int, checkpoint: str, max_length: int) -> dict[str, float]:
    """Trains on one draw; returns its scores and seconds."""
    encoder = models.Transformer(checkpoint, max_seq_length=max_length)
    pooling = models.Pooling(encoder.get_word_embedding_dimension(), "mean")
    body = SentenceTransformer(modules=[encoder, pooling, models.Normalize()], device="cpu")
    texts, names = read(folder / f"{size}_train.csv")
    classes = sorted(set(names))
    labels = [classes.index(name) for name in names]
    model = SetFitModel(model_body=body, model_head=LogisticRegression(max_iter=1000))
    start, spent = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        settings = TrainingArguments(
            output_dir=scratch,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            show_progress_bar=False,
        )
        rows = Dataset.from_dict({"text": texts, "label": labels})
        Trainer(model=model, args=settings, train_dataset=rows).train()
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    texts, names = read(folder / "test.csv")
    truth = [classes.index(name) for name in names]
    found = model.predict(texts, as_numpy=True)
    return {
        "accuracy": float(accuracy_score(truth, found)),
        "macro_f1": float(f1_score(truth, found, average="macro")),
        "seconds": seconds,
        "cpu_seconds": spent,
    }


def main() -> None:
    """Runs what is not in the file yet, draw by draw."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--save", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=["trec6", "complaints", "conversations"])
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--draws", type=int, nargs="+", default=list(range(10)))
    parser.add_argument("--max_length", type=int, default=64)
    args = parser.parse_args()
    done = set()
    if args.save.exists():
        rows = map(json.loads, args.save.read_text().splitlines())
        done = {(row["data"], row["size"], row["draw"]) for row in rows}
    for draw in args.draws:
        for size in args.sizes:
            for name in args.sets:
                if (name, size, draw) in done:
                    continue
                found = run(args.folder / name / str(draw), size, args.checkpoint, args.max_length)
                row = {"side": "setfit", "data": name, "size": size, "draw": draw, **found}
                print(row, flush=True)
                with args.save.open("a") as file:
                    file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
