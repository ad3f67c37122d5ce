"""Tiny models with a frozen backbone, and batches for them."""

import numpy as np

from kerasft import peft
from kerasft.architectures import (
    T5,
    Classifier,
    EncoderArguments,
    HeadedEncoder,
    T5Arguments,
    Tagger,
)
from kerasft.data.batches import BucketedBatches

LABELS, WORDS, LONGEST = 3, 40, 24
TARGETS = {"encoder": "transformer_layer_2/.*/(query|value)", "t5": "encoder/block_2/.*/(q|v)"}


def randomize(model, deviation: float) -> None:
    """Gives all weights values at which no layer, and no adapter, does next to nothing."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        start = 1.0 if weight.name in ("gamma", "scale") else 0.0
        weight.assign(start + deviation * rng.standard_normal(weight.shape).astype("float32"))


def encoder(
    kind: str = "distilbert", *, dropout: float = 0.0, pooling: str = "first", tagger: bool = False
) -> HeadedEncoder:
    """Three layers of which the uppermost has LoRA; `dropout` is everywhere."""
    arguments = EncoderArguments(
        vocab_size=WORDS, num_layers=3, num_heads=2, hidden_size=8, intermediate_size=12,
        max_length=LONGEST, num_segments=2 if kind == "bert" else 0, dropout=dropout,
        attention_dropout=dropout, head_dropout=dropout,
    )  # fmt: skip
    model = Tagger(kind, arguments, LABELS) if tagger else Classifier(
        kind, arguments, LABELS, pooling
    )  # fmt: skip
    adapt(model, TARGETS["encoder"], dropout, model.head_layers)
    randomize(model, 0.3)
    return model


def head_only(kind: str, pooling: str) -> Classifier:
    """Three frozen layers under a head that trains."""
    model = encoder(kind, pooling=pooling)
    peft.remove(model)
    peft.freeze(model, model.head_layers)
    return model


def t5(*, dropout: float = 0.0, **arguments: object) -> T5:
    """Three encoder blocks of which the uppermost has LoRA, and one of a decoder."""
    values = {
        "d_model": 8, "d_kv": 5, "d_ff": 12, "encoder_layers": 3, "decoder_layers": 1, "heads": 2,
        "relative_buckets": 6, "relative_max_distance": 8, "dropout": dropout, **arguments,
    }  # fmt: skip
    model = T5(T5Arguments(WORDS, **values))
    adapt(model, TARGETS["t5"], dropout)
    randomize(model, 0.15)  # more, and its bare scores make rounding errors grow
    return model


def adapt(model, target: str, dropout: float, in_full: tuple[str, ...] = ()) -> None:
    """Puts LoRA on the layers that a pattern means."""
    lora = peft.LoRAConfig(targets=(target,), rank=2, dropout=dropout, modules_to_save=in_full)
    peft.apply(model, lora)


def texts(rows: int, seed: int = 0, longest: int = LONGEST) -> tuple[list[np.ndarray], np.ndarray]:
    """Token ids (tokens,) of random texts, and their labels (rows,)."""
    rng = np.random.default_rng(seed)
    ids = [rng.integers(4, WORDS, rng.integers(3, longest + 1)) for _ in range(rows)]
    return [text.astype("int32") for text in ids], rng.integers(0, LABELS, rows)


def batches(rows: int = 20, *, shuffle: bool = True, seed: int = 0, **options) -> BucketedBatches:
    """Batches of 4 texts, all of one shape so that little is compiled."""
    ids, labels = texts(rows, seed)
    settings = {"batch_size": 4, "pad_id": 0, "max_length": LONGEST, "bucket_count": 1, "seed": 3}
    return BucketedBatches(
        ids, labels, shuffle=shuffle, **{**settings, "group_by_length": True, **options}
    )


def batch() -> dict[str, np.ndarray]:
    """One batch of texts of different lengths: token_ids and padding_mask (4, 12)."""
    lengths = np.array([12, 3, 7, 5])
    mask = np.arange(12) < lengths[:, None]
    ids = np.random.default_rng(1).integers(4, WORDS, mask.shape)
    return {"token_ids": (ids * mask).astype("int32"), "padding_mask": mask}


def pairs() -> dict[str, np.ndarray]:
    """One batch for a T5: source_ids (4, 12) of different lengths, target_ids (4, 5)."""
    inputs = batch()
    targets = np.random.default_rng(2).integers(2, WORDS, (4, 5)).astype("int32")
    return {"source_ids": inputs["token_ids"], "target_ids": targets}
