"""RoBERTa, XLM-R and CamemBERT: a family of encoders."""

import csv
import json

import numpy as np
import peft as hugging_face_peft
import pytest
import torch
import transformers

from harness import peft_twins, small
from harness.architecture_case import (
    ArchitectureCase,
    assert_close,
    hidden_of,
    logits_of,
    theirs_of,
)
from harness.checkpoints import write_checkpoint
from harness.folders import save_parts
from harness.tokenizer_directories import train_byte_level
from kerasft import peft
from kerasft.exports.command import export
from kerasft.exports.engines import make_export
from kerasft.predict.predictor import Predictor
from kerasft.presets import load_preset
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.tagging.word_windows import prediction_windows
from kerasft.text.labels import LabelMap

HEAD = {"classifier.dense", "classifier.out_proj"}
VECTORS = {"num_virtual_tokens": 4, "token_dim": 16, "num_attention_heads": 4, "num_layers": 3}


class TestRoberta(ArchitectureCase):
    name = "roberta"
    heads = {
        "": (HEAD, {"pooler"}),
        "ForMaskedLM": (HEAD, {"lm_head"}),
        "ForQuestionAnswering": (HEAD, {"qa_outputs"}),
    }
    variants = [
        {"layer_norm_eps": 1e-3, "type_vocab_size": 1},
        {"layers": 1, "heads": 1, "num_labels": 7, "pad_token_id": 4},
    ]


@pytest.mark.parametrize("model_type", ["xlm-roberta", "camembert"])
def test_who_is_called_otherwise_loads_with_its_head(tmp_path, model_type):
    theirs = write_checkpoint(tmp_path, model_type, "ForSequenceClassification")
    preset = load_preset(str(tmp_path))
    ours, report = preset.build_classifier(3)
    assert (preset.architecture, report.new, report.unread) == ("roberta", [], [])
    hidden, logits = theirs_of(theirs)
    assert_close(hidden_of(ours), hidden)
    assert_close(logits_of(ours), logits)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("roberta")
    write_checkpoint(folder, "roberta", "ForSequenceClassification")
    return folder


@pytest.mark.any_backend
@pytest.mark.parametrize("method", ["PromptTuningConfig", "PrefixTuningConfig"])
def test_positions_go_on_behind_virtual_tokens_as_in_peft(checkpoint, tmp_path, method):
    """Those of prompts have positions; behind a prefix, the text's begin later."""
    config = getattr(hugging_face_peft, method)(task_type="SEQ_CLS", **VECTORS)
    theirs = hugging_face_peft.get_peft_model(peft_twins.theirs(checkpoint), config).eval()
    theirs.save_pretrained(tmp_path)
    ours = peft_twins.ours(checkpoint)
    plain = small.logits(ours)
    peft.load_adapter(ours, tmp_path)
    inputs = {**small.TOKENS}
    inputs["token_ids"] = np.where(inputs["padding_mask"], inputs["token_ids"], 1).astype("int32")
    with torch.no_grad():
        expected = theirs(
            input_ids=torch.tensor(inputs["token_ids"], dtype=torch.long),
            attention_mask=peft_twins.MASK,
        ).logits.numpy()
    found = small.numpy(ours(inputs, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - plain).max() > 0.01


TEXTS = ["The house is wonderful, and the garden too.", "déjà vu: 3.14", "Das Haus", "x"]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """A checkpoint with a tokenizer of its own kind: byte-level pieces in older files."""
    folder = tmp_path_factory.mktemp("spoken")
    train_byte_level(folder)
    pieces = len(json.loads((folder / "vocab.json").read_text("utf-8")))
    config = transformers.RobertaConfig(
        vocab_size=pieces, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=34, type_vocab_size=1,
        initializer_range=0.3, num_labels=3,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.any_backend
def test_texts_get_the_same_logits_saved_exported_and_in_onnx(spoken, tmp_path):
    preset = load_preset(str(spoken))
    model, _ = preset.build_classifier(3)
    names = ("no", "perhaps", "yes")
    parts = {"model": model, "tokenizer": preset.tokenizer, "labels": LabelMap(names)}
    folder = save_parts(tmp_path / "run", TextClassifier, "A tiny model", max_length=32, **parts)
    export(folder, "huggingface", tmp_path / "out")
    found = Predictor(folder, "keras").predict(TEXTS)
    rows = [(text, each.label) for text, each in zip(TEXTS, found, strict=True)]
    with open(tmp_path / "rows.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    make_export(folder, "onnx-int8", data=str(tmp_path / "rows.csv"))
    for directory in (spoken, tmp_path / "out"):
        theirs = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
        with torch.no_grad():
            logits = theirs(**tokenizer(TEXTS, padding=True, return_tensors="pt")).logits
        expected = torch.softmax(logits, 1).numpy()
        for engine, tolerance in (("keras", 1e-5), ("onnx", 1e-5), ("onnx-int8", 0.05)):
            found = Predictor(folder, engine).predict(TEXTS)
            scores = [[each.probabilities[name] for name in names] for each in found]
            np.testing.assert_allclose(scores, expected, atol=tolerance, err_msg=engine)


def test_a_taggers_words_begin_where_those_of_transformers_do(spoken):
    sentences = [["Das", "wonderful", "déjà", "vu", ",", "Ångström"], ["x", "\u200b", "y"]]
    ours = prediction_windows(load_preset(str(spoken)).tokenizer, sentences, 32).windows
    tokenizer = transformers.AutoTokenizer.from_pretrained(spoken, add_prefix_space=True)
    theirs = tokenizer(sentences, is_split_into_words=True)
    for number, window in enumerate(ours):
        assert window.token_ids.tolist() == theirs["input_ids"][number]
        words = theirs.word_ids(number)
        expected = [words.index(word) for word in range(len(sentences[number]))]
        assert window.first_tokens.tolist() == expected
