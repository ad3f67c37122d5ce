"""Tiny translators with random weights, and saved folders of them, for whichever test needs one."""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.folders import kept, save_parts
from kerasft.tasks.translation.translator import Translator
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained import train_tokenizer

SOURCES = [
    "Where is the station?",
    "the water is cold .",
    "Good morning, how are you?",
    "I would like a coffee and the bill",
]
TARGETS = [
    "Dov'è la stazione?",
    "L'acqua è fredda.",
    "Buongiorno, come stai?",
    "vorrei un caffè e il conto",
]
TEXTS = [
    "Where is the coffee?",
    "the station",
    "a zebra is cold",  # "zebra" is unknown
    "I would like " * 12,  # cut
]
MAX_LENGTH = 16  # one padded length, so that little is compiled
LANGUAGES = {"source": "en", "target": "it"}


class Saved(NamedTuple):
    """A saved folder and what its model said before it was saved.

    Attributes:
        folder: The folder.
        log_probabilities: (texts, targets' tokens, target vocabulary) of `inputs`, from the model
            in memory.
    """

    folder: Path
    log_probabilities: np.ndarray


@functools.cache
def tokenizers(kind: str = "word") -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of SOURCES and TARGETS."""
    options = {"vocab_size": 200, "min_frequency": 1}
    source, target = (train_tokenizer(texts, kind, **options) for texts in (SOURCES, TARGETS))
    return source, target


def build(kind: str = "word", **arguments: object):
    """An untrained tiny model whose weights are large enough to make translations differ."""
    from kerasft.architectures import Transformer, TransformerArguments

    source, target = tokenizers(kind)
    values = {
        "src_vocab_size": source.vocab_size, "tgt_vocab_size": target.vocab_size,
        "src_seq_len": 20, "tgt_seq_len": 12, "d_model": 16, "N": 2, "h": 2, "d_ff": 32,
    }  # fmt: skip
    model = Transformer(TransformerArguments(**{**values, **arguments}))
    rng = np.random.default_rng(1)
    for weight in model.weights:
        start = 1.0 if weight.name == "alpha" else 0.0
        scale = 1.0 if "cross_attention/" in weight.path else 0.5
        weight.assign(start + scale * rng.standard_normal(weight.shape).astype("float32"))
    return model


def biased(*bias: float, **arguments: object):
    """A translator to whose logits of [UNK], padding, [SOS] and [EOS] something is added."""
    model = build(**arguments)
    weight = model.projection.bias
    weight.assign(np.array(weight) + np.pad(np.float32(bias), (0, weight.shape[0] - len(bias))))
    return model


def inputs(kind: str = "word") -> dict[str, np.ndarray]:
    """TEXTS beside the first targets: source_ids (texts, 16), target_ids (texts, 12)."""
    source, target = tokenizers(kind)
    return {
        "source_ids": _padded(source.encode(TEXTS, MAX_LENGTH).token_ids, MAX_LENGTH),
        "target_ids": _padded(target.encode(TARGETS, 12).token_ids, 12),
    }


def log_probabilities(model, kind: str = "word") -> np.ndarray:
    """What a model in memory says of `inputs`, (texts, 12, target vocabulary)."""
    from keras import ops

    return ops.convert_to_numpy(model(inputs(kind), training=False))


def save(folder: Path, model, kind: str = "word", **options: object) -> Saved:
    """Saves a tiny translator, with a stand-in for everything that is not in `options`."""
    source, target = tokenizers(kind)
    parts = {
        "model": model,
        "source_tokenizer": source,
        "target_tokenizer": target,
        "languages": LANGUAGES,
        "max_length": MAX_LENGTH,
        **options,
    }
    return Saved(
        save_parts(folder, Translator, "A tiny translator", **parts), log_probabilities(model, kind)
    )


@functools.cache
def saved() -> Saved:
    """A saved folder, made once a test run; copy it before you change it."""
    return save(kept("tiny"), build())


@functools.cache
def fluent() -> Saved:
    """A saved folder whose model puts out many words and, as a trained one, no padding."""
    return save(saved().folder.with_name("fluent"), biased(0, -30, -30, 0))


def _padded(rows: list[np.ndarray], length: int) -> np.ndarray:
    padded = np.full((len(rows), length), 1, dtype="int32")
    for row, ids in enumerate(rows):
        padded[row, : len(ids)] = ids
    return padded
