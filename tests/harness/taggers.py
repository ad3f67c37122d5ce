"""A tiny tagger, trained and saved: a real folder for whichever test needs one."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness import wordpieces
from harness.classifiers import VOCABULARY
from harness.folders import kept, save_parts
from kerasft.runtimes.runtime import Reading
from kerasft.tasks.entities.sentence import Sentence
from kerasft.tasks.entities.tag_schemes import tag_names
from kerasft.tasks.tagging.engine import TaggingEngine
from kerasft.tasks.tagging.tag_decoding import ScoredSpan
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.text.labels import LabelMap
from kerasft.text.tokenizer import Tokenizer

TAGS = LabelMap(tag_names(["LOC", "PER"]))
MAX_LENGTH = 16
TEXTS = [
    "The cat's in it.",
    "  You have THIS,\nand that!",
    "zebra",
    "he was with " * 30,  # read in windows
    "è così",
    "\u200b 🙂",
]


class Saved(NamedTuple):
    """A saved folder and what its model found before it was saved.

    Attributes:
        folder: The folder.
        found: The entities of each of TEXTS.
    """

    folder: Path
    found: list[list[ScoredSpan]]


def build(architecture: str = "distilbert"):
    """An untrained tiny tagger whose weights are large enough to find something."""
    from kerasft.architectures import EncoderArguments, Tagger

    arguments = EncoderArguments(
        vocab_size=len(VOCABULARY), num_layers=2, num_heads=2, hidden_size=16,
        intermediate_size=32, max_length=64,
        num_segments=2 if architecture == "bert" else 0,
    )  # fmt: skip
    model = Tagger(architecture, arguments, len(TAGS), initialize=False)
    rng = np.random.default_rng(0)
    for weight in model.weights:
        start = 1.0 if weight.name == "gamma" else 0.0
        weight.assign(start + 0.2 * rng.standard_normal(weight.shape).astype("float32"))
    return model


def train(tune: str = "lora", architecture: str = "distilbert"):
    """A tiny tagger after three steps of "lora" (with the head) or "full"."""
    import keras

    from kerasft import peft

    keras.utils.set_random_seed(0)
    model = build(architecture)
    if tune == "lora":
        config = peft.LoRAConfig(
            targets=("query", "value"), rank=3, modules_to_save=("classifier",)
        )
        peft.apply(model, config)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(0.03 if tune == "lora" else 0.001), loss=loss)
    rng = np.random.default_rng(1)
    token_ids = rng.integers(5, len(VOCABULARY), (24, MAX_LENGTH)).astype("int32")
    batch = {"token_ids": token_ids, "padding_mask": np.ones_like(token_ids, dtype=bool)}
    model.fit(batch, rng.integers(0, len(TAGS), token_ids.shape), batch_size=8, verbose=0)
    # Dropout differs from backend to backend: on each, it is to find something.
    bias = model.get_layer("classifier").bias
    bias.assign(bias - np.array([3.0, 0, 0, 0, 0], "float32"))
    return model


def engine(model, tokenizer: Tokenizer, tags: Sequence[str], max_length: int) -> TaggingEngine:
    """What finds entities by a model in memory, with Keras."""
    from kerasft.runtimes.keras import KerasEncoder

    reading = Reading(tokenizer.pad_id, max_length, len(tags), each_token=True)
    return TaggingEngine(KerasEncoder(model, reading), tokenizer, tags, max_length)


def find(model) -> list[list[ScoredSpan]]:
    """The entities of TEXTS, by a model in memory."""
    found = engine(model, wordpieces.tokenizer(VOCABULARY), TAGS.names, MAX_LENGTH)
    return found.find([Sentence.from_text(text).tokens for text in TEXTS])


def save(folder: Path, model, **options) -> Saved:
    """Saves a tiny tagger, with a stand-in for everything that is not in `options`."""
    parts = {
        "model": model,
        "tokenizer": wordpieces.tokenizer(VOCABULARY),
        "labels": TAGS,
        "max_length": MAX_LENGTH,
        **options,
    }
    return Saved(save_parts(folder, TokenTagger, "A tiny tagger", **parts), find(model))


@functools.cache
def saved() -> Saved:
    """A saved folder with an adapter, made once a test run; copy it before you change it."""
    return save(kept("tiny"), train("lora"))
