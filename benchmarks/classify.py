"""Times a LoRA step and a LoRA epoch of kerasft beside transformers + Hugging Face PEFT.

    python benchmarks/classify.py                              # a DistilBERT of random weights
    python benchmarks/classify.py --preset DIR --rounds 7      # a checkpoint on disk

For each backend two processes live side by side, kerasft's and PEFT's, and take turns: A B A B ...
Both hold the same weights, the same rows, the same LoRA (last two layers, query and value, rank 8),
the same dropout and Adam. A *step* is 16 texts of 64 tokens (mean over 8 steps); an *epoch* is the
shipped corpus at its natural lengths, 16 texts a step: kerasft through `model.fit` and its length
buckets, PEFT eager, each batch padded to its longest text. Printed are medians over the rounds, the
median of the paired ratios PEFT / kerasft (above 1: kerasft is faster), and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

BACKENDS = ("torch", "tensorflow", "jax")
STEPS, BATCH, LENGTH = 8, 16, 64


def rows(checkpoint: Path) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Token ids of the shipped corpus, its labels as integers, and the padding id."""
    from kerasft.data.readers import read_table
    from kerasft.data.samples import sample_path
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer

    table = read_table(sample_path("conversations"))
    tokenizer = Tokenizer.from_directory(checkpoint)
    encoded = tokenizer.encode(table.texts, LENGTH)
    labels = LabelMap.from_labels(table.labels).encode(table.labels)
    return encoded.token_ids, labels, tokenizer.pad_id


def full_rows(vocabulary: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Texts that fill every position, for timing a step."""
    generator = np.random.default_rng(0)
    ids = generator.integers(5, vocabulary, size=(STEPS * BATCH, LENGTH), dtype=np.int32)
    return list(ids), generator.integers(0, 3, size=STEPS * BATCH).astype(np.int32)


def kerasft_side(checkpoint: Path) -> dict[str, Callable[[], None]]:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    import keras

    from kerasft import backends, peft, presets
    from kerasft.data.batches import BucketedBatches

    backends.seed_everything(0)
    pretrained = presets.load_preset(str(checkpoint))
    model, _ = pretrained.build_classifier(3)
    targets = peft.last_layers(model, 2, ("query", "value"))
    peft.apply(model, peft.LoRAConfig(targets=targets, modules_to_save=model.head_layers))
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    ids, labels, pad_id = rows(checkpoint)
    common = {"batch_size": BATCH, "pad_id": pad_id, "max_length": LENGTH, "seed": 0}
    epoch = BucketedBatches(ids, labels, shuffle=True, group_by_length=True, **common)
    full_ids, full_labels = full_rows(pretrained.arguments.vocabulary_size)
    step = BucketedBatches(full_ids, full_labels, shuffle=False, **common)
    return {
        "step": lambda: model.fit(step, verbose=0),
        "epoch": lambda: model.fit(epoch, verbose=0),
    }


def peft_side(checkpoint: Path) -> dict[str, Callable[[], None]]:
    """The jobs of transformers + PEFT."""
    import transformers

    import peft_side as other

    transformers.logging.set_verbosity_error()
    settings = other.Settings(batch_size=BATCH, max_length=LENGTH)
    model = other.build(checkpoint, 3, settings)
    trainer = other.Trainer(model, settings, total_steps=1)
    ids, labels, pad_id = rows(checkpoint)
    full_ids, full_labels = full_rows(model.config.vocab_size)
    generator = np.random.default_rng(0)

    def train(ids: list[np.ndarray], labels: np.ndarray) -> None:
        for inputs, targets in other.batches(
            ids, labels, batch_size=BATCH, pad_id=pad_id, generator=generator
        ):
            trainer.step(inputs, targets)

    return {"step": lambda: train(full_ids, full_labels), "epoch": lambda: train(ids, labels)}


def serve_jobs(side: str, checkpoint: Path) -> None:
    """A worker: reads a job's name a line, runs it, answers with its seconds and peak memory."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    jobs = (kerasft_side if side == "kerasft" else peft_side)(checkpoint)
    for line in sys.stdin:
        start = time.perf_counter()
        jobs[line.strip()]()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "peak_mib": peak_mib()}), file=answers, flush=True)


def peak_mib() -> float:
    """Largest resident size of this process so far, MiB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


class Worker:
    """A side in a process of its own."""

    def __init__(self, side: str, checkpoint: Path, backend: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--worker", side, "--preset", str(checkpoint)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def do(self, job: str) -> dict[str, float]:
        """Runs a job and waits for it."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(job + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit("a worker died: run it with --worker by hand to see why")
        return json.loads(answer)

    def stop(self) -> None:
        """Ends the process."""
        self.process.communicate()


def random_checkpoint(directory: Path) -> Path:
    """A DistilBERT of the usual size with random weights: speed does not depend on their values."""
    import transformers

    pieces = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *"abcdefghijklmnopqrstuvwxyz.,'-0123456789",
    ]
    words = sorted({w.lower().strip(".,:;!?\"'()") for w in sample_words()})
    pieces = list(dict.fromkeys([*pieces, *words, *(f"##{p}" for p in pieces[5:])]))
    config = transformers.DistilBertConfig(num_labels=3)
    transformers.DistilBertForSequenceClassification(config).save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (directory / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    return directory


def sample_words() -> list[str]:
    """The words of the shipped corpus."""
    from kerasft.data.readers import read_table
    from kerasft.data.samples import sample_path

    return " ".join(read_table(sample_path("conversations")).texts).split()


def compare(checkpoint: Path, backend: str, rounds: int) -> dict[str, float]:
    """Paired, interleaved medians of both jobs on one backend."""
    ours, theirs = Worker("kerasft", checkpoint, backend), Worker("peft", checkpoint, backend)
    result: dict[str, float] = {}
    for job, unit in (("step", 1e3 / STEPS), ("epoch", 1.0)):
        for worker in (ours, theirs):
            worker.do(job)  # compiles, warms caches up
            worker.do(job)
        pairs = [(ours.do(job), theirs.do(job)) for _ in range(rounds)]
        result[f"{job}_ours"] = statistics.median(a["seconds"] for a, _ in pairs) * unit
        result[f"{job}_peft"] = statistics.median(b["seconds"] for _, b in pairs) * unit
        result[f"{job}_ratio"] = statistics.median(b["seconds"] / a["seconds"] for a, b in pairs)
        result["mib_ours"], result["mib_peft"] = (side["peak_mib"] for side in pairs[-1])
    ours.stop()
    theirs.stop()
    return result


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", type=Path, help="a BERT or DistilBERT directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--worker", choices=("kerasft", "peft"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return serve_jobs(arguments.worker, arguments.preset)

    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = arguments.preset or random_checkpoint(Path(scratch))
        print(machine(), flush=True)
        print("\n| backend | step, ms | PEFT | ratio | epoch, s | PEFT | ratio | peak MiB | PEFT |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        for backend in arguments.backends:
            r = compare(checkpoint, backend, arguments.rounds)
            print(
                f"| {backend} "
                f"| {r['step_ours']:.0f} | {r['step_peft']:.0f} | {r['step_ratio']:.2f}x "
                f"| {r['epoch_ours']:.1f} | {r['epoch_peft']:.1f} | {r['epoch_ratio']:.2f}x "
                f"| {r['mib_ours']:.0f} | {r['mib_peft']:.0f} |",
                flush=True,
            )


def machine() -> str:
    """Processor, cores and the versions that matter."""
    from importlib.metadata import version

    names = ("keras", "keras-hub", "torch", "tensorflow", "jax", "transformers", "peft")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    python = f"Python {platform.python_version()}"
    return f"{platform.machine()}, {os.cpu_count()} cores, {python}; {versions}"


if __name__ == "__main__":
    main()
