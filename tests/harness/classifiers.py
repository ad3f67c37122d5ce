"""Trains tiny classifiers and saves them: real folders for whichever test needs one."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness import wordpieces
from harness.folders import kept, save_parts
from kerasft.folder.opened import Opened, open_saved
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.classification.task import ClassificationTask
from kerasft.tasks.labelled.engine import HeadEngine
from kerasft.tasks.saved import check_manifest
from kerasft.text.labels import LabelMap

LABELS = ("business", "è una prova | *x*", "sports")
MAX_LENGTH = 16  # one padded length, so that little is compiled
WORDS = [
    "the",
    "of",
    "to",
    "and",
    "in",
    "is",
    "it",
    "you",
    "that",
    "he",
    "was",
    "with",
    "this",
    "cat",
]
VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnopqrstuvwxyz.,!?'",
    *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), *WORDS,
]  # fmt: skip
TEXTS = [
    "the cat was on it",
    "You have THIS, and that!",
    "zebra",
    "he was with " * 30,  # cut
    "è così",
    "in one of his",
]


class Saved(NamedTuple):
    """A saved folder and what its model said before it was saved.

    Attributes:
        folder: The folder.
        logits: (texts, labels) of TEXTS, from the trained model in memory.
    """

    folder: Path
    logits: np.ndarray


def build(
    architecture: str = "distilbert",
    pooling: str = "first",
    activation: str = "gelu",
    outputs: int = len(LABELS),
):
    """An untrained tiny classifier whose weights are large enough to make logits differ."""
    from kerasft.architectures import Classifier, find_encoder

    arguments = find_encoder(architecture).new_arguments(
        pad_id=0, vocab_size=len(VOCABULARY), num_layers=2, num_heads=2, hidden_size=16,
        intermediate_size=32, max_length=64, activation=activation,
    )  # fmt: skip
    model = Classifier(architecture, arguments, outputs, pooling, initialize=False)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        start = 1.0 if weight.name == "gamma" else 0.0
        weight.assign(start + 0.2 * rng.standard_normal(weight.shape).astype("float32"))
    return model


def inputs(texts=TEXTS) -> dict[str, np.ndarray]:
    """Texts as one batch (texts, MAX_LENGTH) of token_ids and padding_mask; the padding is 0."""
    ids = np.zeros((len(texts), MAX_LENGTH), dtype=np.int32)
    tokenizer = wordpieces.tokenizer(VOCABULARY)
    for row, tokens in enumerate(tokenizer.encode(texts, MAX_LENGTH).token_ids):
        ids[row, : len(tokens)] = tokens
    return {"token_ids": ids, "padding_mask": ids > 0}


def logits(model, texts=TEXTS) -> np.ndarray:
    """Logits (texts, labels) of a model in memory."""
    from keras import ops

    return ops.convert_to_numpy(model(inputs(texts), training=False))


def train(
    tune: str = "lora",
    architecture: str = "distilbert",
    pooling: str = "first",
    activation: str = "gelu",
    steps: bool = True,
):
    """A tiny classifier after three steps of a method (with the head), "head" alone, or "full".

    Args:
        steps: False draws what they would have made, for families whose step takes XLA long.
    """
    import keras

    from kerasft import peft

    keras.utils.set_random_seed(0)
    model = build(architecture, pooling, activation)
    before = logits(model)
    if tune == "lora":
        targets = ("transformer_layer_1/self_attention_layer/(query|value)", ".*output_dense")
        config = peft.LoRAConfig(targets=targets, rank=3, modules_to_save=model.head_layers)
        peft.apply(model, config)
    elif tune in peft.METHODS:
        method = peft.METHODS[tune]
        options = {"modules_to_save": model.head_layers}
        if method.usual_targets:
            options["targets"] = peft.last_layers(model, 1, method.usual_targets)
        peft.apply(model, method(**options))
    elif tune == "head":
        peft.freeze(model, except_patterns=model.head_layers)
    rng = np.random.default_rng(1)
    if not steps:
        for weight in model.trainable_weights:
            weight.assign(weight + 0.1 * rng.standard_normal(weight.shape).astype("float32"))
        return model
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.03), loss=loss)
    token_ids = rng.integers(5, len(VOCABULARY), (24, MAX_LENGTH)).astype("int32")
    batch = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids, dtype=bool)}
    model.fit(batch, rng.integers(0, len(LABELS), 24), batch_size=8, verbose=0)
    # It has learned something that can get lost.
    assert np.abs(logits(model) - before).max() > 0.01
    return model


def save(folder: Path, model, **options) -> Saved:
    """Saves a tiny classifier, with a stand-in for everything that is not in `options`."""
    parts = {
        "model": model,
        "tokenizer": wordpieces.tokenizer(VOCABULARY),
        "labels": LabelMap(LABELS),
        "max_length": MAX_LENGTH,
        **options,
    }
    return Saved(save_parts(folder, TextClassifier, "A tiny model", **parts), logits(model))


def engine(folder: Path | Opened, name: str = "keras") -> HeadEngine:
    """What gives the logits of texts by a saved folder, on one of its engines."""
    opened = folder if isinstance(folder, Opened) else open_saved(folder, name)
    check_manifest(opened.path, opened.manifest)
    return HeadEngine(*ClassificationTask().load_encoder(opened))


def engine_of(parts: TextClassifier) -> HeadEngine:
    """The same, by a model in memory, with Keras."""
    from kerasft.runtimes.keras import KerasEncoder

    return HeadEngine(parts, KerasEncoder(parts.model, ClassificationTask().reading(parts)))


@functools.cache
def saved_lora() -> Saved:
    """A saved folder with an adapter, made once a test run; copy it before you change it."""
    return save(kept("run"), train("lora"))


@functools.cache
def saved_p_tuning() -> Path:
    """A saved folder whose adapter cannot be merged into the weights."""
    return save(kept("p_tuning"), train("p_tuning", "bert")).folder
