"""Times every family of encoders beside transformers (and PEFT) on the same random weights.

    python benchmarks/families.py --threads 1
    python benchmarks/families.py --families modernbert --backends jax --sizes base

For each family, size and backend two processes take turns, A B A B ... A *forward* is a
classifier's on full texts of 64 tokens, as in `predict`; a *step* trains LoRA (query and value of
all layers, rank 8) and the head with Adam: `model.fit` here, a plain loop over eager modules there.
transformers computes attention as it does where nobody chooses. Printed are medians, and the median
of the paired ratios transformers / kerasft: above 1, kerasft is faster.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import paired
from paired import BACKENDS

LENGTH, WORDS = 64, 8_000


class Size(NamedTuple):
    """The size of an encoder, and of a job's batches."""

    layers: int
    width: int
    heads: int
    batch: int
    steps: int


SIZES = {"small": Size(6, 384, 12, 16, 4), "base": Size(12, 768, 12, 8, 1)}
# Family -> settings of its known checkpoints that are not the usual; PEFT's query and value.
FAMILIES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "bert": ({}, ["query", "value"]),
    "distilbert": ({}, ["q_lin", "v_lin"]),
    "roberta": ({"type_vocab_size": 1}, ["query", "value"]),
    "electra": ({}, ["query", "value"]),
    "albert": ({}, ["query", "value"]),
    "mpnet": ({}, ["attn.q", "attn.v"]),
    "deberta-v2": (
        {
            "relative_attention": True, "position_buckets": 256, "max_relative_positions": -1,
            "pos_att_type": ["p2c", "c2p"], "share_att_key": True, "norm_rel_ebd": "layer_norm",
            "position_biased_input": False, "type_vocab_size": 0,
        },
        ["query_proj", "value_proj"],
    ),
    "modernbert": (
        dict.fromkeys([f"{name}_token_id" for name in ("pad", "bos", "eos", "cls", "sep")], 0),
        ["Wqkv"],
    ),
}  # fmt: skip


def write(directory: Path, family: str, size: Size) -> None:
    """A random classifier of a family, with a tokenizer that nobody asks."""
    import transformers

    width = {"hidden_size": size.width, "intermediate_size": 4 * size.width}
    counts = {"num_hidden_layers": size.layers, "num_attention_heads": size.heads}
    if family == "modernbert":
        width["intermediate_size"] = 3 * size.width // 2
    if family == "distilbert":
        width = {"dim": size.width, "hidden_dim": 4 * size.width}
        counts = {"n_layers": size.layers, "n_heads": size.heads}
    config = transformers.AutoConfig.for_model(
        family, vocab_size=WORDS, num_labels=3, **width, **counts, **FAMILIES[family][0]
    )
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(directory)
    (directory / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n", encoding="utf-8")
    transformers.BertTokenizerFast(vocab=str(directory / "vocab.txt")).save_pretrained(directory)


def rows(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """Token ids (texts, LENGTH) that fill every position, and labels (texts,)."""
    generator = np.random.default_rng(0)
    ids = generator.integers(5, WORDS, (size.steps * size.batch, LENGTH), dtype=np.int32)
    return ids, generator.integers(0, 3, size.steps * size.batch).astype(np.int32)


def kerasft_side(checkpoint: Path, size: Size, threads: int) -> dict[str, Callable[[], Any]]:
    """The jobs of kerasft, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(threads)
    import keras

    from kerasft import peft, presets
    from kerasft.data.batches import BucketedBatches

    backends.seed_everything(0)
    model, _ = presets.load_preset(str(checkpoint)).build_classifier(3)
    ids, labels = rows(size)
    inputs = {"token_ids": ids[: size.batch], "padding_mask": ids[: size.batch] > 0}
    forward = backends.compile_forward(model)
    forward(inputs)  # before there is an adapter
    targets = ("query", "value", "query_key_value")
    known = [each for each in targets if _has(model, each)]
    tuned, _ = presets.load_preset(str(checkpoint)).build_classifier(3)
    peft.apply(tuned, peft.LoRAConfig(targets=known, modules_to_save=tuned.head_layers))
    tuned.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    batches = BucketedBatches(
        list(ids), labels, batch_size=size.batch, pad_id=0, max_length=LENGTH, seed=0, shuffle=False
    )
    return {
        "forward": lambda: [forward(inputs) for _ in range(size.steps)] and None,
        "step": lambda: tuned.fit(batches, verbose=0) and None,
    }


def _has(model: Any, name: str) -> bool:
    return any(weight.path.endswith(f"/{name}/kernel") for weight in model.weights)


def transformers_side(checkpoint: Path, size: Size, threads: int) -> dict[str, Callable[[], Any]]:
    """The jobs of transformers and PEFT."""
    import peft
    import torch
    import transformers

    import peft_side

    torch.set_num_threads(threads)
    transformers.logging.set_verbosity_error()
    auto = transformers.AutoModelForSequenceClassification
    model = auto.from_pretrained(checkpoint).eval()
    names = FAMILIES[model.config.model_type][1]
    heads = ["classifier", "pooler", "pre_classifier", "head"]
    known = [name for name, _ in auto.from_pretrained(checkpoint).named_children() if name in heads]
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=names, modules_to_save=known
    )
    tuned = peft.get_peft_model(auto.from_pretrained(checkpoint), config)
    trainer = peft_side.Trainer(tuned, peft_side.Settings(), total_steps=1)
    ids, labels = rows(size)
    inputs = {"input_ids": torch.from_numpy(ids[: size.batch]).long()}
    inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])

    @torch.inference_mode()
    def forward() -> None:
        for _ in range(size.steps):
            model(**inputs)

    def step() -> None:
        for batch, targets in peft_side.batches(list(ids), labels, batch_size=size.batch, pad_id=0):
            trainer.step(batch, targets)

    return {"forward": forward, "step": step}


SIDES = {"kerasft": kerasft_side, "transformers": transformers_side}


def main() -> None:
    """Runs the comparison and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--sizes", nargs="+", default=list(SIZES), choices=SIZES)
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--checkpoint", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        make, size = SIDES[arguments.worker], SIZES[arguments.sizes[0]]
        return paired.serve(lambda: make(arguments.checkpoint, size, arguments.threads))

    print(paired.heading(arguments.threads, arguments.rounds))
    print("\n| family | size | backend | forward, ms | transformers | | step, ms | PEFT | |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for size in arguments.sizes:
        for family in arguments.families:
            with tempfile.TemporaryDirectory() as checkpoint:
                write(Path(checkpoint), family, SIZES[size])
                words = ["--checkpoint", checkpoint, "--sizes", size]
                words += ["--threads", arguments.threads, "--worker"]
                for backend in arguments.backends:
                    cells = measure(words, backend, SIZES[size].steps, arguments.rounds)
                    print(f"| {family} | {size} | {backend} | {' | '.join(cells)} |", flush=True)


def measure(words: list[object], backend: str, steps: int, rounds: int) -> list[str]:
    """Milliseconds of both sides and their ratio, for each job."""
    sides = [paired.Worker(__file__, [*words, side], backend) for side in SIDES]
    cells = []
    for job in ("forward", "step"):
        ours, theirs = paired.compare(sides, job, rounds)
        milliseconds = [f"{each.seconds / steps * 1e3:.0f}" for each in (ours, theirs)]
        cells += [*milliseconds, f"{theirs.ratio:.2f}x"]
    for side in sides:
        side.stop()
    return cells


if __name__ == "__main__":
    main()
