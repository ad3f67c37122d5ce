"""A preset directory that KerasHub loads, with tokenizer and head.

classifier = keras_hub.models.TextClassifier.from_preset("exported")
classifier.predict(["A text."])  # logits
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasft import backends
from kerasft.architectures import ENCODERS, KERAS_HUB_SIZES, find_encoder, layers_by_path
from kerasft.errors import ConfigError
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.registry import task_of

README = "README.md"
EQUAL = 1e-4
"""Logits that differ by no more count as equal."""
FARTHEST = 1e-2
"""Where they differ by more, KerasHub computes another model."""


def is_export(path: str | Path) -> bool:
    """Whether a folder holds an export of ours and nothing else."""
    folder = Path(path)
    if not folder.is_dir():
        return False
    written = {
        *("config.json", "metadata.json", "model.weights.h5", "preprocessor.json", "task.json"),
        *("task.weights.h5", "tokenizer.json", "assets", README),
    }
    found = {file.name for file in folder.iterdir()}
    return {"config.json", "task.json", README} <= found <= written


def write_keras_hub(classifier: TextModel, folder: Path) -> list[str]:
    """Writes a loaded folder, whose adapters have been merged, for KerasHub.

    KerasHub fixes some choices in its code (for BERT an approximate GELU). So both models compute
    the logits of some tokens, and how far apart they are decides.

    Args:
        classifier: The loaded folder.
        folder: An empty folder.

    Returns:
        What a user must know, a sentence each.

    Raises:
        ConfigError: keras_hub is not installed, has no such head, tokenizer or architecture, or
            computes something else.
    """
    hub = backends.import_keras_hub()
    model = classifier.model
    twin = find_encoder(model.architecture).keras_hub
    if twin is None:
        written = ", ".join(name for name, family in ENCODERS.items() if family.keras_hub)
        raise ConfigError(
            f"the format 'keras-hub' supports {written}, not {model.architecture}; export it to "
            "huggingface or onnx"
        )
    if model.pooling != "first":
        raise ConfigError(
            f"KerasHub has no classifier of {model.architecture} with pooling {model.pooling!r}; "
            "export it to keras or onnx"
        )

    def of(name: str) -> Any:
        return getattr(hub.models, twin.prefix + name)

    sizes = {theirs: getattr(model.arguments, ours) for theirs, ours in KERAS_HUB_SIZES.items()}
    if not sizes["num_segments"]:
        del sizes["num_segments"]
    with backends.without_tensorflow():
        preprocessor = of("TextClassifierPreprocessor")(
            of("Tokenizer")(**_tokenizer_settings(classifier)),
            sequence_length=classifier.max_length,
        )
        task = of("TextClassifier")(
            of("Backbone")(**sizes, dtype="float32"),
            len(classifier.labels),
            preprocessor=preprocessor,
            dropout=model.arguments.head_dropout,
        )
        ours, theirs = layers_by_path(model), layers_by_path(task)
        for entry in model.entries():
            layer = theirs[twin.path_of(entry)]
            layer.set_weights(ours[entry.layer].get_weights())
        difference = _difference(model, task)
        if difference > FARTHEST:
            raise ConfigError(
                f"KerasHub's {twin.prefix} cannot compute this model: its logits differ by "
                f"{difference:.2g}; export it to keras, huggingface or onnx"
            )
        task.save_to_preset(os.fspath(folder))
    said = []
    if difference > EQUAL:
        said.append(
            f"KerasHub's {twin.prefix} fixes its activation and its epsilon: its logits differ by "
            f"up to {difference:.1g} from this model's."
        )
    texts = "(['A text.'], ['Another one.'])" if classifier.text_pairs else "['A text.']"
    card = [
        f"# {twin.prefix}TextClassifier of {len(classifier.labels)} labels",
        "A KerasHub preset exported by kerasft.",
        f"Labels, in the order of the logits: {', '.join(classifier.labels.names)}.",
        *task_of(classifier).before_model(classifier),
        *said,
        "    classifier = keras_hub.models.TextClassifier.from_preset('<this folder>')\n"
        f"    classifier.predict({texts})",
    ]
    (folder / README).write_text("\n\n".join(card) + "\n", encoding="utf-8")
    return said


def _tokenizer_settings(classifier: TextModel) -> dict[str, Any]:
    """The tokenizer as KerasHub's WordPiece takes it.

    Raises:
        ConfigError: It is of another kind.
    """
    content = json.loads(classifier.tokenizer.to_json())
    model, normalizer = content["model"], content.get("normalizer") or {}
    if model.get("type") != "WordPiece" or normalizer.get("type") != "BertNormalizer":
        raise ConfigError(
            "the tokenizer is no WordPiece as BERT has it, which KerasHub needs; export the model "
            "to keras, huggingface or onnx"
        )
    pieces = sorted(model["vocab"], key=model["vocab"].get)
    accents = normalizer["strip_accents"]
    return {
        "vocabulary": pieces,
        "lowercase": normalizer["lowercase"],
        "strip_accents": normalizer["lowercase"] if accents is None else accents,
        "split_on_cjk": normalizer["handle_chinese_chars"],
    }


def _difference(model: Any, task: Any) -> float:
    """How far the logits of both are apart, at most, on some texts of random tokens."""
    arguments = model.arguments
    mask = np.arange(min(16, arguments.max_length)) < np.array([[16], [9], [3], [1]])
    ids = np.random.default_rng(0).integers(0, arguments.vocab_size, mask.shape) * mask
    inputs = {"token_ids": ids.astype("int32"), "padding_mask": mask}
    features = {**inputs, "padding_mask": mask.astype("int32")}
    if arguments.num_segments:
        # Two texts where there are two segments, as far as there are tokens.
        segments = (np.arange(mask.shape[1]) > 4) * mask * (arguments.num_segments > 1)
        inputs["segment_ids"] = features["segment_ids"] = segments.astype("int32")
    ours, theirs = (
        keras.ops.convert_to_numpy(each(given, training=False))
        for each, given in ((model, inputs), (task, features))
    )
    return float(np.abs(ours - theirs).max())
