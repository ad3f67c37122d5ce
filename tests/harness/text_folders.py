"""Saved folders of the other tasks of labelled texts, tiny, with an adapter."""

import functools
from pathlib import Path

import numpy as np

from harness import classifiers, wordpieces
from harness.folders import kept, save_parts
from kerasft.tasks.multi_label.classifier import MultiLabelClassifier
from kerasft.tasks.regression.regressor import TextRegressor
from kerasft.text.labels import LabelMap

THRESHOLDS = (0.25, 0.5, 0.75)
MEAN, SCALE = 3.5, 1.25
COLUMN = "stars"


def adapted(outputs: int):
    """A tiny model whose adapter says something."""
    from kerasft import peft

    model = classifiers.build(outputs=outputs)
    targets = ("transformer_layer_1/self_attention_layer/(query|value)",)
    peft.apply(model, peft.LoRAConfig(targets=targets, modules_to_save=model.head_layers))
    rng = np.random.default_rng(3)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.1 * rng.standard_normal(weight.shape).astype("float32"))
    return model


def save(folder: Path, parts: type, names: tuple[str, ...], **own: object) -> Path:
    """Saves a tiny model of a task."""
    return save_parts(
        folder, parts, "A tiny model", model=adapted(len(names)),
        tokenizer=wordpieces.tokenizer(classifiers.VOCABULARY), labels=LabelMap(names),
        max_length=classifiers.MAX_LENGTH, **own,
    )  # fmt: skip


@functools.cache
def several() -> Path:
    """A folder of several labels, made once a test run; copy it before you change it."""
    names = classifiers.LABELS
    return save(kept("several"), MultiLabelClassifier, names, thresholds=THRESHOLDS)


@functools.cache
def number() -> Path:
    """A folder of a number, made once a test run; copy it before you change it."""
    return save(kept("number"), TextRegressor, (COLUMN,), mean=MEAN, scale=SCALE)
