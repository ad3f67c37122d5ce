"""Times a LoRA step and a LoRA epoch of kerasft beside transformers + Hugging Face PEFT.

    python benchmarks/classify.py                              # a DistilBERT of random weights
    python benchmarks/classify.py --preset DIR --rounds 7      # a checkpoint on disk

For each backend two processes live side by side, kerasft's and PEFT's, and take turns: A B A B ...
Both hold the same weights, the same rows, the same LoRA (last two layers, query and value, rank 8),
the same dropout and Adam. A *step* is 16 texts of 64 tokens (mean over 8 steps); an *epoch* is the
shipped corpus at its natural lengths, 16 texts per step: kerasft through `model.fit` and its length
buckets, PEFT eager, each batch padded to its longest text. Printed are medians over the rounds, the
median of the paired ratios PEFT / kerasft (above 1: kerasft is faster), and peak memory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import paired
from paired import BACKENDS

STEPS, BATCH, LENGTH = 8, 16, 64


def rows(checkpoint: Path) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Token ids of the shipped corpus, its labels as integers, and the padding id."""
    from kerasft.architectures import read_tokenizer
    from kerasft.data.readers import read_texts
    from kerasft.data.samples import sample_path
    from kerasft.text.labels import LabelMap

    table = read_texts(sample_path("conversations"))
    tokenizer = read_tokenizer(checkpoint)
    encoded = tokenizer.encode(table["text"], LENGTH)
    labels = LabelMap.from_labels(table["label"]).encode(table["label"])
    return encoded.token_ids, labels, tokenizer.pad_id


def full_rows(vocabulary: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Texts that fill every position, for timing a step."""
    generator = np.random.default_rng(0)
    ids = generator.integers(5, vocabulary, size=(STEPS * BATCH, LENGTH), dtype=np.int32)
    return list(ids), generator.integers(0, 3, size=STEPS * BATCH).astype(np.int32)


def kerasft_side(checkpoint: Path, threads: int) -> dict[str, Callable[[], None]]:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    import keras

    from kerasft import peft, presets
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
    full_ids, full_labels = full_rows(pretrained.arguments.vocab_size)
    step = BucketedBatches(full_ids, full_labels, shuffle=False, **common)
    return {
        "step": lambda: model.fit(step, verbose=0),
        "epoch": lambda: model.fit(epoch, verbose=0),
    }


def peft_side(checkpoint: Path, threads: int) -> dict[str, Callable[[], None]]:
    """The jobs of transformers + PEFT."""
    import torch
    import transformers

    import peft_side as other

    torch.set_num_threads(threads)
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


def random_checkpoint(directory: Path, size: str = "distilbert") -> Path:
    """An encoder with random weights: speed does not depend on their values.

    Args:
        directory: Where it is written.
        size: "distilbert", of the usual size, or "bert-tiny": 2 layers of width 128.
    """
    import transformers

    transformers.logging.disable_progress_bar()
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
    if size == "bert-tiny":
        config = transformers.BertConfig(
            hidden_size=128, num_hidden_layers=2, num_attention_heads=2, intermediate_size=512,
            num_labels=3,
        )  # fmt: skip
        model = transformers.BertForSequenceClassification(config)
    else:
        config = transformers.DistilBertConfig(num_labels=3)
        model = transformers.DistilBertForSequenceClassification(config)
    model.save_pretrained(directory)
    (directory / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    (directory / "tokenizer_config.json").write_text('{"do_lower_case": true}')
    return directory


def sample_words() -> list[str]:
    """The words of the shipped corpus."""
    from kerasft.data.readers import read_texts
    from kerasft.data.samples import sample_path

    return " ".join(read_texts(sample_path("conversations"))["text"]).split()


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", type=Path, help="a BERT or DistilBERT directory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", choices=("kerasft", "peft"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        make = kerasft_side if arguments.worker == "kerasft" else peft_side
        return paired.serve(lambda: make(arguments.preset, arguments.threads))

    with tempfile.TemporaryDirectory() as scratch:
        checkpoint = arguments.preset or random_checkpoint(Path(scratch))
        print(f"{paired.machine()}; {arguments.threads} threads", flush=True)
        print("\n| backend | step, ms | PEFT | ratio | epoch, s | PEFT | ratio | peak MiB | PEFT |")
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        words = ["--preset", checkpoint, "--threads", arguments.threads]
        for backend in arguments.backends:
            sides = [
                paired.Worker(__file__, [*words, "--worker", side], backend)
                for side in ("kerasft", "peft")
            ]
            step, epoch = (
                paired.compare(sides, job, arguments.rounds) for job in ("step", "epoch")
            )
            for side in sides:
                side.stop()
            (ours, theirs), (epoch_ours, epoch_theirs) = step, epoch
            print(
                f"| {backend} | {ours.seconds / STEPS * 1e3:.0f} "
                f"| {theirs.seconds / STEPS * 1e3:.0f} | {theirs.ratio:.2f}x "
                f"| {epoch_ours.seconds:.1f} | {epoch_theirs.seconds:.1f} "
                f"| {epoch_theirs.ratio:.2f}x | {epoch_ours.mib:.0f} | {epoch_theirs.mib:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
