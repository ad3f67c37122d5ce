"""A model of pairs: from transformers' checkpoint to a folder, through all that reads it."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pytest
import torch
import transformers
from fastapi.testclient import TestClient

from harness import checkpoints, classifiers, wordpieces
from harness.tokenizer_directories import describe, train_byte_level
from kerasft import tasks
from kerasft.cli.main import main
from kerasft.errors import ConfigError, DataError
from kerasft.exports.command import export
from kerasft.exports.engines import make_export
from kerasft.folder.contents import MANIFEST
from kerasft.predict import Predictor
from kerasft.presets import load_preset
from kerasft.serving.app import create_app
from kerasft.serving.limits import Limits
from kerasft.serving.worker import Worker
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.text.labels import LabelMap
from kerasft.text.tokenizer import Tokenizer

LABELS = ("contradiction", "entailment", "neutral")
MAX_LENGTH = 32
PAIRS = [
    ("the house is old", "it is a house"),
    ("it is a house", "the house is old"),
    ("the garden", "what the committee said on Tuesday about the house and the garden " * 3),
    ("a b c d e f g h i j k l m n o p " * 3, "the house"),
]


class Kept(NamedTuple):
    """A checkpoint of transformers, and the folder made of it.

    Attributes:
        logits: (pairs, labels) that transformers computes of PAIRS.
    """

    checkpoint: Path
    folder: Path
    logits: np.ndarray


def logits_of(directory: Path, max_length: int = MAX_LENGTH) -> np.ndarray:
    """What transformers computes of PAIRS, each by itself, with a directory's own tokenizer."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()
    with torch.no_grad():
        return np.concatenate([
            model(**tokenizer(
                *pair, truncation="longest_first", max_length=max_length, return_tensors="pt"
            )).logits.numpy()
            for pair in PAIRS
        ])  # fmt: skip


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax of (pairs, labels)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.fixture(scope="module", params=["bert", "roberta"])
def kept(request, tmp_path_factory) -> Kept:
    root, family = tmp_path_factory.mktemp(request.param), request.param
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {x: i for i, x in enumerate(LABELS)}}
    own = (
        {"vocab_size": 400, "type_vocab_size": 1, "pad_token_id": 1} if family == "roberta" else {}
    )
    checkpoints.write_checkpoint(
        root / "nli", family, "ForSequenceClassification", layers=2, **names, **own
    )
    if family == "roberta":
        config = (root / "nli" / "config.json").read_text()
        for name in ("vocab.txt", "tokenizer.json"):
            (root / "nli" / name).unlink()
        train_byte_level(root / "nli")
        describe(root / "nli", family, tokenizer_class="RobertaTokenizer")
        (root / "nli" / "config.json").write_text(config)
    found = load_preset(str(root / "nli"))
    model, report = found.build_classifier(len(LABELS), "first", LABELS)
    assert not report.new  # the trained head came with it
    parts = TextClassifier(model, found.tokenizer, LabelMap(LABELS), MAX_LENGTH, text_pairs=True)
    tasks.save(root / "folder", parts)
    return Kept(root / "nli", root / "folder", logits_of(root / "nli"))


def said(predictor: Predictor) -> np.ndarray:
    """(pairs, labels) probabilities of PAIRS."""
    return np.array([[*found.probabilities.values()] for found in predictor.predict(PAIRS)])


def test_a_checkpoint_says_of_pairs_what_it_says_in_transformers(kept):
    predictor = Predictor(kept.folder, "keras")
    np.testing.assert_allclose(said(predictor), probabilities(kept.logits), atol=1e-5)
    assert [found.cut for found in predictor.predict(PAIRS)] == [False, False, True, True]
    assert np.abs(kept.logits[0] - kept.logits[1]).max() > 1e-3  # the order counts
    assert predictor.metadata["text_pairs"] and predictor.notes["cut"] == (
        "pairs were cut at 32 tokens, the longer text first."
    )


def test_its_onnx_model_says_the_same(kept, tmp_path):
    folder = shutil.copytree(kept.folder, tmp_path / "copy")
    make_export(folder, "onnx")
    np.testing.assert_allclose(
        said(Predictor(folder, "onnx")), said(Predictor(folder, "keras")), atol=1e-5
    )


@pytest.mark.any_backend
def test_eight_bits_are_compared_on_pairs(kept, tmp_path):
    folder, rows = shutil.copytree(kept.folder, tmp_path / "copy"), tmp_path / "rows.csv"
    with open(rows, "w", newline="") as file:
        labels = [found.label for found in Predictor(folder, "keras").predict(PAIRS)]
        csv.writer(file).writerows([["text", "b", "label"], *(
            [*pair, label] for pair, label in zip(PAIRS, labels, strict=True)
        )])  # fmt: skip
    columns = {"text": "text", "text_pair": "b", "label": "label"}
    try:
        facts = make_export(folder, "onnx-int8", data=str(rows), columns=columns).exports
    except ConfigError as error:  # of random weights 8 bits may say something else
        assert "100.00" in str(error)
    else:
        assert facts["onnx-int8"]["rows"] == len(PAIRS)
        assert np.isfinite(said(Predictor(folder, "onnx-int8"))).all()


@pytest.mark.any_backend
def test_transformers_reads_what_it_is_exported_to(kept, tmp_path):
    export(kept.folder, "huggingface", tmp_path / "out")
    np.testing.assert_allclose(logits_of(tmp_path / "out"), kept.logits, atol=1e-5)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    segments = "token_type_ids" in tokenizer("a", "b")
    assert segments == (kept.checkpoint.parent.name.startswith("bert"))


def test_keras_reads_what_it_is_exported_to(kept, tmp_path):
    export(kept.folder, "keras", tmp_path / "out.keras")
    model = keras.saving.load_model(tmp_path / "out.keras")
    parts = tasks.load(kept.folder)
    encoded = parts.tokenizer.encode([PAIRS[0]], MAX_LENGTH)
    inputs = {
        "token_ids": encoded.token_ids[0][None],
        "padding_mask": np.ones((1, len(encoded.token_ids[0])), dtype=bool),
    }
    if parts.model.reads_segments:
        inputs["segment_ids"] = encoded.segment_ids[0][None]
    assert {each.name for each in model.inputs} == set(inputs)
    found = keras.ops.convert_to_numpy(model(inputs))
    np.testing.assert_allclose(found, kept.logits[:1], atol=1e-4)


@pytest.mark.any_backend
def test_the_command_reads_pairs_and_writes_both_texts(kept, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
    expected = said(Predictor(kept.folder, "keras"))
    words = [*(a for a, _ in PAIRS), *(w for _, b in PAIRS for w in ("--text_pair", b))]
    main(["predict", str(kept.folder), *words])
    assert "the house is old | it is a house" in capsys.readouterr().out
    with open(tmp_path / "in.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *PAIRS])
    columns = ("--text_column", "a", "--text_pair_column", "b")
    for ending in ("csv", "jsonl"):
        out = tmp_path / f"out.{ending}"
        main(["predict", str(kept.folder), "--input", str(tmp_path / "in.csv"), *columns,
              "--output", str(out)])  # fmt: skip
        with open(out, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file) if ending == "csv" else map(json.loads, file))
        assert [(row["text"], row["text_pair"]) for row in rows] == PAIRS
    found = [[row["probabilities"][label] for label in LABELS] for row in rows]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert "2 of 4 pairs were cut at 32 tokens" in capsys.readouterr().err


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["a"], "reads pairs of texts; give the other texts by --text_pair, or by --input and"),
        (["a", "b", "--text_pair", "c"], "2 texts and 1 times --text_pair were given"),
        (["a", "--text_pair", " "], "--text_pair number 1 is empty"),
        (["a", "--text_pair_column", "b"], "names a column of --input, which was not given"),
    ],
)
def test_a_command_without_a_pair_is_one_sentence(kept, words, sentence, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(kept.folder), *words])
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and sentence in error and error.endswith(".")


@pytest.mark.any_backend
def test_single_texts_are_refused_for_pairs_and_the_reverse(kept, tmp_path):
    predictor = Predictor(kept.folder, "keras")
    with pytest.raises(DataError, match="text 0 has no text_pair, but the model reads pairs"):
        predictor.predict(["a"])
    with pytest.raises(DataError, match="text_pair 1 is empty"):
        predictor.predict([("a", "b"), ("a", " ")])
    manifest = json.loads((kept.folder / MANIFEST).read_text())
    assert manifest["settings"]["text_pairs"] is True
    parts = tasks.load(kept.folder)
    single = TextClassifier(parts.model, parts.tokenizer, parts.labels, MAX_LENGTH)
    tasks.save(tmp_path / "single", single)
    with pytest.raises(DataError, match="text 0 has a text_pair, but the model reads single"):
        Predictor(tmp_path / "single", "keras").predict([("a", "b")])
    with pytest.raises(
        ConfigError, match=r"max_length is 4, but \d special tokens go around a pair"
    ):
        tasks.save(tmp_path / "short", TextClassifier(
            parts.model, parts.tokenizer, parts.labels, 4, text_pairs=True
        ))  # fmt: skip


@pytest.mark.any_backend
def test_the_server_reads_pairs(kept):
    predictor = Predictor(kept.folder, "keras")
    limits = Limits()
    worker = Worker(lambda: predictor, limits)
    app = create_app(worker, limits, "tiny", predictor.task, pairs=True)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        while client.get("/health/ready").status_code != 200:
            pass
        inputs = [{"text": a, "text_pair": b} for a, b in PAIRS]
        answer = client.post("/predict", json={"inputs": inputs}).json()["predictions"]
        found = [[each["probabilities"][label] for label in LABELS] for each in answer]
        np.testing.assert_allclose(found, said(predictor), atol=1e-6)
        refused = client.post("/predict", json={"texts": ["a"]})
        assert refused.status_code == 422
        assert refused.json()["error"]["message"] == (
            'The model reads pairs of texts; send {"inputs": [{"text": ..., "text_pair": ...}]}.'
        )
        openapi = client.get("/openapi.json").json()
        content = openapi["paths"]["/predict"]["post"]["requestBody"]["content"]
        body = content["application/json"]
        assert body["schema"]["required"] == ["inputs"]
        assert client.post("/predict", json=body["example"]).status_code == 200
        assert client.get("/metadata").json()["text_pairs"] is True


@pytest.mark.any_backend
def test_a_tokenizer_that_marks_other_segments_is_refused(tmp_path):
    tokenizer = wordpieces.tokenizer(classifiers.VOCABULARY)
    content = json.loads(tokenizer.to_json())
    for piece in content["post_processor"]["pair"]:
        next(iter(piece.values()))["type_id"] *= 7
    other = Tokenizer.from_bytes(json.dumps(content).encode(), "tokenizer.json")
    model, labels = classifiers.build("bert"), LabelMap(classifiers.LABELS)
    tasks.save(tmp_path / "good", TextClassifier(model, tokenizer, labels, 16, text_pairs=True))
    with pytest.raises(ConfigError, match="segments up to 7, but the model has 2"):
        tasks.save(tmp_path / "bad", TextClassifier(model, other, labels, 16, text_pairs=True))
