"""Tiny classifiers with a tokenizer of their own kind, from the text to its probabilities."""

import csv
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
import transformers

from harness.folders import save_parts
from harness.tokenizer_directories import describe
from kerasft.errors import ConfigError
from kerasft.exports.command import export
from kerasft.exports.engines import make_export
from kerasft.predict.predictor import Predictor
from kerasft.presets import load_preset
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.tagging.word_windows import prediction_windows
from kerasft.text.labels import LabelMap

TEXTS = ["The house is wonderful, and the garden too.", "déjà vu: 3.14", "Das Haus", "x"]
NAMES = ("no", "perhaps", "yes")
EMPTY: Mapping[str, str] = {}


def write_classifier(
    folder: Path, model_type: str, tokenizer: Mapping[str, str] = EMPTY, **settings: object
) -> Path:
    """Writes a random classifier beside the files of a tokenizer, of as many pieces as it has.

    Args:
        tokenizer: What `tokenizer_config.json` is to say, if anything.
        **settings: Fields of transformers' config.
    """
    describe(folder, model_type, **tokenizer)
    config = transformers.AutoConfig.for_model(
        model_type, vocab_size=len(transformers.AutoTokenizer.from_pretrained(folder)),
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=34, initializer_range=0.3, num_labels=3, **settings,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.AutoModelForSequenceClassification.from_config(config)
    model.save_pretrained(folder)
    return folder


def assert_same_everywhere(folder: Path, work: Path, plain: bool = True) -> None:
    """Compares texts' probabilities: transformers', ours saved, in ONNX and 8 bits, exported.

    Of the exports transformers reads one, and Keras the other without a class of ours.

    Args:
        plain: Whether Keras's own layers are enough for it; else it is refused.
    """
    preset = load_preset(str(folder))
    model, _ = preset.build_classifier(3)
    parts = {"model": model, "tokenizer": preset.tokenizer, "labels": LabelMap(NAMES)}
    saved = save_parts(work / "run", TextClassifier, "A tiny model", max_length=32, **parts)
    export(saved, "huggingface", work / "out")
    found = Predictor(saved, "keras").predict(TEXTS)
    rows = [(text, each.label) for text, each in zip(TEXTS, found, strict=True)]
    with open(work / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    make_export(saved, "onnx-int8", data=str(work / "rows.csv"))
    for directory in (folder, work / "out"):
        theirs = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        with torch.no_grad():
            logits = theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
        expected = torch.softmax(logits, 1).numpy()
        for engine, tolerance in (("keras", 1e-5), ("onnx", 1e-5), ("onnx-int8", 0.05)):
            found = Predictor(saved, engine).predict(TEXTS)
            scores = [[each.probabilities[name] for name in NAMES] for each in found]
            np.testing.assert_allclose(scores, expected, atol=tolerance, err_msg=engine)
    if not plain:
        with pytest.raises(ConfigError, match="is in none of them; export it to hugg"):
            export(saved, "keras", work / "model.keras")
        return
    export(saved, "keras", work / "model.keras")
    alone = keras.saving.load_model(work / "model.keras")
    assert {type(each).__module__.split(".")[0] for each in alone.layers} == {"keras"}
    encoded = preset.tokenizer.encode(TEXTS, 32)
    for row, ids in enumerate(encoded.token_ids):
        logits = alone({"token_ids": ids[None], "padding_mask": np.ones((1, len(ids)), bool)})
        found = keras.ops.convert_to_numpy(keras.ops.softmax(logits))[0]
        np.testing.assert_allclose(found, expected[row], atol=1e-5, err_msg="a .keras file")


def assert_same_words(folder: Path, **options: object) -> None:
    """Compares where the words of sentences begin, as a tagger reads them.

    Args:
        **options: Of transformers' tokenizer.
    """
    sentences = [["Das", "wonderful", "déjà", "vu", ",", "Ångström"], ["x", "y"]]
    ours = prediction_windows(load_preset(str(folder)).tokenizer, sentences, 32).windows
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **options)
    theirs = tokenizer(sentences, is_split_into_words=True)
    for number, window in enumerate(ours):
        assert window.token_ids.tolist() == theirs["input_ids"][number]
        words = theirs.word_ids(number)
        expected = [words.index(word) for word in range(len(sentences[number]))]
        assert window.first_tokens.tolist() == expected
