"""A tiny T5 that has learned to write the entities of a tiny language, and folders of it."""

import functools
import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from harness.folders import kept, save_parts
from kerasft.data.pair_batches import PairBatches
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.text_to_entities.batches import EntityTokens, encode_entities
from kerasft.tasks.text_to_entities.engine import EntityTextEngine
from kerasft.tasks.text_to_entities.entity_format import target_of
from kerasft.tasks.text_to_entities.writer import EntityWriter
from kerasft.text.trained_unigram import train_unigram

PREFIX = "find: "
TYPES = ("LOC", "PER")
MAX_LENGTH, TARGET_LENGTH = 32, 24
PEOPLE = ["jon", "sumit", "ann"]
PLACES = ["land", "world", "home"]
FILLER = ["the", "of", "to", "and", "it", "was", "for", "with"]


def sentences(count: int, seed: int = 0) -> list[Sentence]:
    """Sentences that say who is where; some say nothing."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        words = rng.sample(FILLER, rng.randint(1, 3))
        spans = []
        if rng.random() < 0.8:
            spans.append(Span(len(words), len(words) + 1, "PER"))
            words += [rng.choice(PEOPLE), "at", rng.choice(PLACES)]
            spans.append(Span(len(words) - 1, len(words), "LOC"))
        found.append(Sentence((*words, "."), tuple(spans)))
    return found


def conll(count: int, seed: int = 0) -> str:
    """As a file of columns; of two lengths alone, so that a run compiles little."""
    blocks = []
    several = [row for row in sentences(5 * count, seed) if len(row.tokens) in (3, 6)]
    for sentence in several[:count]:
        tags = ["O"] * len(sentence.tokens)
        for span in sentence.spans:
            tags[span.start] = f"B-{span.type}"
        rows = zip(sentence.tokens, tags, strict=True)
        blocks.append("\n".join(f"{word} {tag}" for word, tag in rows))
    return "\n\n".join(blocks) + "\n"


@functools.cache
def tokenizer():
    """Of the tiny language and of its entities."""
    rows = sentences(300)
    return train_unigram(
        [PREFIX + row.text for row in rows] + [target_of(row) for row in rows], 100, extra_ids=2
    )


def tokens() -> EntityTokens:
    """How the tiny model reads and writes."""
    return EntityTokens(tokenizer(), PREFIX, 0, MAX_LENGTH, TARGET_LENGTH)


def engine(model, types: Sequence[str] = TYPES) -> EntityTextEngine:
    """What finds entities by a model in memory, greedily, with Keras."""
    return EntityTextEngine(tokens().generator(model, 1), tokens(), types)


@functools.cache
def weights() -> list[np.ndarray]:
    """Those of a model after a few seconds of training."""
    import keras

    keras.utils.set_random_seed(0)
    model = _build()
    pairs = encode_entities(sentences(300), tokens())
    batches = PairBatches(
        pairs.source_ids, pairs.target_ids, tokens_per_batch=800, pad_id=0, shuffle=True, seed=0,
        max_length=MAX_LENGTH, bucket_count=1,
    )  # fmt: skip
    loss = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
    model.compile(keras.optimizers.Adam(0.01), loss)
    model.fit(batches, epochs=20, verbose=0)
    return model.get_weights()


def build(lora: bool = False):
    """The trained model; with `lora`, with adapters that change it somewhat."""
    from kerasft import peft

    model = _build()
    model.set_weights(weights())
    if lora:
        peft.apply(model, peft.LoRAConfig(("encoder/block_[12]/self_attention/(q|v)",), rank=2))
        rng = np.random.default_rng(0)
        for layer in peft.adapted_layers(model):
            for matrix in (layer.lora_a, layer.lora_b):
                matrix.assign(0.1 * rng.standard_normal(matrix.shape).astype("float32"))
    return model


def save(folder: Path, model, **options: object) -> Path:
    """Saves a tiny model, with a stand-in for everything that is not in `options`."""
    parts = {
        "model": model,
        "tokenizer": tokenizer(),
        "tasks": (SavedTask("entities", PREFIX, "entities"),),
        "max_length": MAX_LENGTH,
        "max_target_length": TARGET_LENGTH,
        "beam_size": 1,
        "entity_types": TYPES,
        **options,
    }
    return save_parts(folder, EntityWriter, "A tiny T5", **parts)


@functools.cache
def saved() -> Path:
    """A saved folder with an adapter, made once a test run; copy it before you change it."""
    return save(kept("tiny"), build(lora=True))


def _build():
    from kerasft.architectures import T5, T5Arguments

    arguments = T5Arguments(
        tokenizer().vocab_size, d_model=32, d_kv=8, d_ff=64, encoder_layers=3,
        decoder_layers=1, heads=4, dropout=0.0,
    )  # fmt: skip
    return T5(arguments)
