"""The sides of `epochs.py`: kerasft with features kept and without, PEFT padded in two ways.

Each makes the jobs of one process: "first step", and epochs of the same rows.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

BATCH, CLASSES = 16, 3
Jobs = dict[str, Callable[[], object]]


def rows(checkpoint: Path, options: Namespace) -> tuple[list[np.ndarray], np.ndarray, int]:
    """Token ids of so many different texts, labels without a meaning, and the padding id."""
    from kerasft.architectures import read_tokenizer
    from kerasft.data.readers import read_texts
    from kerasft.data.samples import sample_path

    source = options.data or sample_path("conversations")
    texts = list(dict.fromkeys(read_texts(source, options.text_column, None)["text"]))
    if len(texts) < options.rows:
        raise SystemExit(f"there are {len(texts)} different texts, not --rows {options.rows}")
    generator = np.random.default_rng(0)
    chosen = [texts[i] for i in generator.permutation(len(texts))[: options.rows]]
    tokenizer = read_tokenizer(checkpoint)
    labels = generator.integers(0, CLASSES, size=options.rows).astype(np.int32)
    return tokenizer.encode(chosen, options.max_length).token_ids, labels, tokenizer.pad_id


def describe(checkpoint: Path, options: Namespace) -> str:
    """The rows in words; it also finds out before anything runs whether they can be had."""
    ids, _, _ = rows(checkpoint, options)
    lengths = [len(each) for each in ids]
    return (
        f"{len(ids)} texts of {min(lengths)} to {max(lengths)} tokens, {np.mean(lengths):.1f} on "
        f"average; {BATCH} a step, {-(-len(ids) // BATCH)} steps; (a) is padded to "
        f"{options.max_length}"
    )


def _model_and_batches(options: Namespace) -> tuple[Any, Any]:
    from kerasft import backends

    backends.current().set_threads(options.threads)

    import above_backbone
    from kerasft.data.batches import BucketedBatches
    from kerasft.presets import load_preset

    backends.seed_everything(0)
    model, _ = load_preset(str(options.checkpoint)).build_classifier(CLASSES)
    above_backbone.add_lora(model, options.last_layers)
    ids, labels, pad_id = rows(options.checkpoint, options)
    batches = BucketedBatches(
        ids, labels, batch_size=BATCH, pad_id=pad_id, max_length=options.max_length, seed=0,
        shuffle=True, group_by_length=True,
    )  # fmt: skip
    return model, batches


def kept_side(options: Namespace) -> Jobs:
    """kerasft, with what the frozen layers make of a text kept on the disk."""
    model, batches = _model_and_batches(options)
    from above_backbone import KeptModel, StopAfterOne

    kept = KeptModel(model, batches)

    def fit(**more: Any) -> dict[str, float]:
        start = time.perf_counter()
        kept.model.fit(kept.train, verbose=0, **more)
        return {"seconds": time.perf_counter() - start}

    def fill() -> dict[str, float]:
        kept.forget()
        return fit()

    return {
        "first step": lambda: fit(callbacks=[StopAfterOne()]),
        "fill": fill,
        "cached": fit,
    }


def whole_side(options: Namespace) -> Jobs:
    """kerasft, with the whole model run at every step."""
    model, batches = _model_and_batches(options)
    from above_backbone import StopAfterOne, compile_model

    compile_model(model)
    return {
        "first step": lambda: model.fit(batches, verbose=0, callbacks=[StopAfterOne()]),
        "epoch": lambda: model.fit(batches, verbose=0),
    }


def _peft(options: Namespace, batches: Callable[[Any], Iterator[Any]]) -> Jobs:
    import torch
    import transformers

    import peft_side as other

    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    settings = other.Settings(
        batch_size=BATCH, max_length=options.max_length, last_layers=options.last_layers
    )
    model = other.build(options.checkpoint, CLASSES, settings)
    trainer = other.Trainer(model, settings, total_steps=1)
    table = rows(options.checkpoint, options)
    rates = {m: m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    assert rates and any(rates.values())

    def epoch(dropout: bool) -> None:
        for module, rate in rates.items():
            module.p = rate if dropout else 0.0
        for inputs, targets in batches(table):
            trainer.step(inputs, targets)

    def first_step() -> None:
        trainer.step(*next(batches(table)))

    return {
        "first step": first_step,
        "dropout": lambda: epoch(True),
        "still": lambda: epoch(False),
    }


def padded_side(options: Namespace) -> Jobs:
    """PEFT and transformers, each batch padded to the longest that a text may be."""
    generator = np.random.default_rng(0)

    def batches(table: Any) -> Iterator[Any]:
        import peft_side as other

        ids, labels, pad_id = table
        return other.batches(
            ids, labels, batch_size=BATCH, pad_id=pad_id, generator=generator,
            pad_to=options.max_length,
        )  # fmt: skip

    return _peft(options, batches)


def dynamic_side(options: Namespace) -> Jobs:
    """PEFT and transformers, batches of like length, each padded to its longest text."""

    def batches(table: Any) -> Iterator[Any]:
        from transformers.trainer_pt_utils import get_length_grouped_indices

        import peft_side as other

        ids, labels, pad_id = table
        order = get_length_grouped_indices([len(each) for each in ids], BATCH)
        return other.batches(
            [ids[i] for i in order], labels[order], batch_size=BATCH, pad_id=pad_id
        )

    return _peft(options, batches)


SIDES = {
    "kept": kept_side,
    "whole": whole_side,
    "padded": padded_side,
    "dynamic": dynamic_side,
}
