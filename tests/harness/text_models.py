"""Tiny text-to-text models with random weights, and saved folders of them."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.folders import kept, save_parts
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.text.trained_unigram import train_unigram

TASKS = [
    SavedTask("topics", "classify: ", "exact"),
    SavedTask("italian", "translate English to Italian: ", "bleu"),
]
SOURCES = [
    "classify: the game was won in the last minute",
    "classify: shares fell again on Monday",
    "translate English to Italian: water is cold",
    "translate English to Italian: good morning",
]
TARGETS = ["sports", "business", "l'acqua è fredda", "buongiorno"]
MAX_LENGTH = 32  # two padded lengths, so that little is compiled
TARGET_LENGTH = 8


class Saved(NamedTuple):
    """A saved folder and what its model said before it was saved.

    Attributes:
        folder: The folder.
        logits: (texts, targets' tokens, vocabulary) of `inputs`, from the model in memory.
    """

    folder: Path
    logits: np.ndarray


@functools.cache
def tokenizer():
    """The tokenizer of SOURCES and TARGETS."""
    return train_unigram([*SOURCES, *TARGETS], 120, extra_ids=3)


def build(lora: bool = False, **arguments: object):
    """An untrained tiny T5 whose outputs differ from text to text; with `lora` it is adapted."""
    from kerasft import peft
    from kerasft.architectures import T5, T5Arguments

    values = {
        "vocab_size": tokenizer().vocab_size + 3, "d_model": 16, "d_kv": 6, "d_ff": 24,
        "encoder_layers": 2, "decoder_layers": 1, "heads": 2,
    }  # fmt: skip
    model = T5(T5Arguments(**{**values, **arguments}))
    rng = np.random.default_rng(2)
    for weight in model.weights:
        start = 1.0 if weight.name == "scale" else 0.0
        weight.assign(start + 0.5 * rng.standard_normal(weight.shape).astype("float32"))
    if lora:
        peft.apply(model, peft.LoRAConfig(targets=["encoder/block_1/self_attention/(q|v)"], rank=2))
        for layer in peft.adapted_layers(model):
            for weight in (layer.lora_a, layer.lora_b):
                weight.assign(rng.standard_normal(weight.shape).astype("float32"))
    return model


def inputs() -> dict[str, np.ndarray]:
    """SOURCES beside TARGETS: source_ids (texts, 32), target_ids (texts, 8)."""
    found = {}
    for name, texts, length in (
        ("source_ids", SOURCES, MAX_LENGTH),
        ("target_ids", TARGETS, TARGET_LENGTH),
    ):
        rows = tokenizer().encode(texts, length).token_ids
        found[name] = np.zeros((len(rows), length), "int32")
        for place, ids in enumerate(rows):
            found[name][place, : len(ids)] = ids
    return found


def logits(model) -> np.ndarray:
    """What a model in memory says of `inputs`, (texts, 8, vocabulary)."""
    from keras import ops

    return ops.convert_to_numpy(model(inputs(), training=False))


def save(folder: Path, model, **options: object) -> Saved:
    """Saves a tiny model, with a stand-in for everything that is not in `options`."""
    parts = {
        "model": model,
        "tokenizer": tokenizer(),
        "tasks": TASKS,
        "max_length": MAX_LENGTH,
        "max_target_length": TARGET_LENGTH,
        "beam_size": 2,
        **options,
    }
    return Saved(save_parts(folder, TextWriter, "A tiny T5", **parts), logits(model))


@functools.cache
def saved(lora: bool = False) -> Saved:
    """A saved folder, made once a test run; copy it before you change it."""
    return save(kept("tiny"), build(lora))
