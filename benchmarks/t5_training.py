"""The training jobs of `t5.py`: 4 LoRA steps of 16 pairs of 32 + 16 tokens, or 8 of 64 + 32.

Both sides hold the same weights and the same LoRA: rank 16 on query and value of the encoder's
blocks 1 and 2, dropout 0.05, and the checkpoint's own dropout. kerasft trains through `compile` and
`fit` with Adam, the peer in a plain loop with fused Adam. Every position is a real token. The
figure is milliseconds per step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

START, END, FIRST, LAST = 0, 1, 10, 30_000
STEPS, RANK, ALPHA, DROPOUT, RATE = 4, 16, 32, 0.05, 1e-3
JOBS = {"16 x 32/16": (16, 32, 16), "8 x 64/32": (8, 64, 32)}
Jobs = dict[str, Callable[[], object]]


def batches(rows: int, source: int, target: int, limit: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Random sources (rows, source) and labels (rows, target), int32, each with its end token."""
    rng = np.random.default_rng(0)
    for _ in range(STEPS):
        sources, labels = (
            rng.integers(FIRST, min(limit, LAST), (rows, length), dtype=np.int32)
            for length in (source, target)
        )
        sources[:, -1] = labels[:, -1] = END
        yield sources, labels


def kerasft_side(checkpoint: Path, threads: int) -> Jobs:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    import keras

    from kerasft import peft, training
    from kerasft.data.pair_batches import PairBatches
    from kerasft.presets import load_seq2seq

    backends.seed_everything(0)
    model = load_seq2seq(str(checkpoint)).model
    targets = ("encoder/block_[12]/self_attention/(q|v)",)
    peft.apply(model, peft.LoRAConfig(targets, rank=RANK, alpha=ALPHA, dropout=DROPOUT))
    model.compile(
        training.adam(RATE),
        keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
    )

    def job(rows: int, source: int, target: int) -> Callable[[], object]:
        parts = list(batches(rows, source, target, model.arguments.vocab_size))
        data = PairBatches(
            [row for sources, _ in parts for row in sources],
            [np.append(np.int32(START), row) for _, labels in parts for row in labels],
            tokens_per_batch=rows * max(source, target), pad_id=0, shuffle=True, seed=0,
            max_length=max(source, target), bucket_count=1,
        )  # fmt: skip
        assert len(data) == STEPS and data.padding_share == 0
        return lambda: model.fit(data, verbose=0)

    return {name: job(*sizes) for name, sizes in JOBS.items()}


def peft_side(checkpoint: Path, threads: int) -> Jobs:
    """The jobs of transformers + PEFT."""
    import peft
    import torch
    import transformers

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    base = transformers.T5ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    settings = peft.LoraConfig(
        task_type="SEQ_2_SEQ_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=DROPOUT,
        target_modules=r"encoder\.block\.[12]\.layer\.0\.SelfAttention\.(q|v)",
    )  # fmt: skip
    model = peft.get_peft_model(base, settings).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    assert len(trained) == 8
    optimizer = torch.optim.Adam(trained, RATE, fused=True)

    def step(sources: np.ndarray, labels: np.ndarray) -> float:
        ids, wanted = (torch.from_numpy(array).long() for array in (sources, labels))
        loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=wanted).loss
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    def job(rows: int, source: int, target: int) -> Callable[[], object]:
        parts = list(batches(rows, source, target, base.config.vocab_size))
        return lambda: [step(*part) for part in parts]

    return {name: job(*sizes) for name, sizes in JOBS.items()}


SIDES = {"kerasft": kerasft_side, "transformers + PEFT": peft_side}
UNIT = "ms/step"


def figure(job: str, seconds: float) -> str:
    """Milliseconds a step."""
    return f"{seconds / STEPS * 1e3:.0f}"
