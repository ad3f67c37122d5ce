"""Times training steps of a translator beside `torch.nn.Transformer` and transformers' MarianMT.

    python benchmarks/translate_training.py
    python benchmarks/translate_training.py --backends torch --rounds 9

All sides have 3 + 3 layers of width 256 with 8 heads and a feed-forward width of 1024, vocabularies
of 15,000 tokens, the target embedding tied to the projection (MarianMT shares it with the source
too), dropout 0.1, label smoothing 0.1. A job is 4 steps of 64 pairs of 24 + 24 tokens, and 4 steps
of 128 pairs of 10 + 10. kerasft trains through `compile` and `fit` with Adam, the others in a plain
loop with fused AdamW. For each backend three processes live side by side and take turns. Printed
are thousands of target tokens a second, the medians of the paired ratios (above 1: kerasft is
faster), the seconds until the first job is done, and peak memory.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator

import numpy as np

import paired
from paired import BACKENDS

LAYERS, WIDTH, HEADS, INNER, VOCABULARY, DROPOUT, SMOOTHING = 3, 256, 8, 1024, 15_000, 0.1, 0.1
STEPS = 4
JOBS = {"64 x 24": (64, 24), "128 x 10": (128, 10)}
UNKNOWN, PAD, START, END = range(4)
SIDES = ("kerasft", "torch.nn", "MarianMT")
Jobs = dict[str, Callable[[], object]]


def batches(rows: int, tokens: int) -> Iterator[tuple[dict[str, np.ndarray], np.ndarray]]:
    """Random inputs {"source_ids", "target_ids"} and labels, each (rows, tokens) int32."""
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        source, target = rng.integers(END + 1, VOCABULARY, (2, rows, tokens + 1), dtype=np.int32)
        target[:, 0] = START
        inputs = {"source_ids": source[:, 1:], "target_ids": target[:, :-1]}
        yield inputs, np.ascontiguousarray(target[:, 1:])


def kerasft_side(threads: int) -> Jobs:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    import keras

    from kerasft import training
    from kerasft.data.pair_batches import PairBatches
    from kerasft.models import build_transformer

    backends.seed_everything(0)
    model = build_transformer(
        *(VOCABULARY, VOCABULARY, 32, 32, WIDTH, LAYERS, HEADS, DROPOUT, INNER),
        tie_embeddings=True,
    )
    model.compile(
        training.adam(1e-4, beta_2=0.98, epsilon=1e-9),
        training.LabelSmoothedCrossEntropy(SMOOTHING),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")],
    )

    def job(rows: int, tokens: int) -> Callable[[], object]:
        parts = list(batches(rows, tokens))
        sources = [row for inputs, _ in parts for row in inputs["source_ids"]]
        targets = [
            np.append(row, label[-1])
            for inputs, labels in parts
            for row, label in zip(inputs["target_ids"], labels, strict=True)
        ]
        data = PairBatches(
            sources, targets, tokens_per_batch=rows * tokens, pad_id=PAD, shuffle=True, seed=0,
            seq_len=tokens, bucket_count=1,
        )  # fmt: skip
        assert len(data) == STEPS and data.padding_share == 0
        return lambda: model.fit(data, verbose=0)

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def torch_side(threads: int) -> Jobs:
    """The jobs of torch.nn.Transformer."""
    import torch

    from kerasft.recipes.translate import Config
    from torch_translator import TorchTranslator, Trainer

    torch.set_num_threads(threads)
    config = Config(
        d_model=WIDTH, layers=LAYERS, heads=HEADS, d_ff=INNER, dropout=DROPOUT, seq_len=32,
        label_smoothing=SMOOTHING, learning_rate=1e-4, schedule="constant",
    )  # fmt: skip
    model = TorchTranslator(config, VOCABULARY, VOCABULARY)
    trainer = Trainer(model, config, total_steps=1)

    def job(rows: int, tokens: int) -> Callable[[], object]:
        weight = np.ones((rows, tokens), np.float32)
        parts = list(batches(rows, tokens))
        return lambda: [trainer.step(inputs, labels, weight) for inputs, labels in parts]

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def marian_side(threads: int) -> Jobs:
    """The jobs of transformers' MarianMT."""
    import torch
    import transformers

    torch.set_num_threads(threads)
    config = transformers.MarianConfig(
        vocab_size=VOCABULARY, d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=INNER,
        decoder_ffn_dim=INNER, activation_function="relu", max_position_embeddings=64,
        dropout=DROPOUT, pad_token_id=PAD, eos_token_id=END, decoder_start_token_id=START,
    )  # fmt: skip
    model = transformers.MarianMTModel(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.0, fused=True)
    smoothed = torch.nn.CrossEntropyLoss(label_smoothing=SMOOTHING)

    def step(inputs: dict[str, np.ndarray], labels: np.ndarray) -> float:
        source, target, wanted = (
            torch.from_numpy(array).long()
            for array in (inputs["source_ids"], inputs["target_ids"], labels)
        )
        logits = model(
            input_ids=source, attention_mask=source != PAD, decoder_input_ids=target
        ).logits
        loss = smoothed(logits.flatten(0, 1), wanted.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def job(rows: int, tokens: int) -> Callable[[], object]:
        parts = list(batches(rows, tokens))
        return lambda: [step(inputs, labels) for inputs, labels in parts]

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        makers = dict(zip(SIDES, (kerasft_side, torch_side, marian_side), strict=True))
        return paired.serve(lambda: makers[arguments.worker](arguments.threads))

    print(f"{paired.machine()}; {arguments.threads} threads")
    columns = ["backend", "batch"]
    columns += [f"{side}: {what}" for what in ("tokens/ms", "first, s", "MiB") for side in SIDES]
    columns += [f"beside {side}" for side in SIDES[1:]]
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    for backend in arguments.backends:
        words = ["--threads", arguments.threads, "--worker"]
        sides = [paired.Worker(__file__, [*words, side], backend) for side in SIDES]
        for name, (rows, tokens) in JOBS.items():
            timings = paired.compare(sides, name, arguments.rounds)
            cells = [f"{STEPS * rows * tokens / t.seconds / 1e3:.2f}" for t in timings]
            cells += [f"{t.first:.1f}" for t in timings] + [f"{t.mib:.0f}" for t in timings]
            cells += [f"{t.ratio:.2f}x" for t in timings[1:]]
            print(f"| {backend} | {name} | {' | '.join(cells)} |", flush=True)
        for side in sides:
            side.stop()


if __name__ == "__main__":
    main()
