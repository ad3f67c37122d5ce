"""The training jobs of `translate.py`: 4 steps of 64 pairs of 24 + 24 tokens, or 128 of 10 + 10.

kerasft trains through `compile` and `fit` with Adam, the others in a plain loop with fused AdamW;
dropout 0.1, label smoothing 0.1. The figure is thousands of target tokens per second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from translator_models import END, PAD, START, VOCABULARY, kerasft_model, marian_model, torch_model

DROPOUT, SMOOTHING, STEPS = 0.1, 0.1, 4
JOBS = {"64 x 24": (64, 24), "128 x 10": (128, 10)}
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
    model = kerasft_model(threads, DROPOUT)
    import keras

    from kerasft import training
    from kerasft.data.pair_batches import PairBatches

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
            max_length=tokens, bucket_count=1,
        )  # fmt: skip
        assert len(data) == STEPS and data.padding_share == 0
        return lambda: model.fit(data, verbose=0)

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def torch_side(threads: int) -> Jobs:
    """The jobs of torch.nn.Transformer."""
    from torch_translator import Trainer

    model, config = torch_model(
        threads, DROPOUT, label_smoothing=SMOOTHING, learning_rate=1e-4, schedule="constant"
    )
    trainer = Trainer(model, config, total_steps=1)

    def job(rows: int, tokens: int) -> Callable[[], object]:
        weight = np.ones((rows, tokens), np.float32)
        parts = list(batches(rows, tokens))
        return lambda: [trainer.step(inputs, labels, weight) for inputs, labels in parts]

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def marian_side(threads: int) -> Jobs:
    """The jobs of transformers' MarianMT."""
    import torch

    model = marian_model(threads, DROPOUT).train()
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


SIDES = {"kerasft": kerasft_side, "torch.nn": torch_side, "MarianMT": marian_side}
UNIT = "tokens/ms"


def figure(job: str, seconds: float) -> str:
    """Thousands of target tokens per second."""
    rows, tokens = JOBS[job]
    return f"{STEPS * rows * tokens / seconds / 1e3:.2f}"
