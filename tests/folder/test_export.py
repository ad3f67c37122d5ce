"""Exports are loaded by the tools that they are for."""

import json
import os
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import classifiers, wordpieces
from kerasft import backends
from kerasft.errors import ConfigError, PresetError
from kerasft.exports.command import export
from kerasft.presets import load_preset
from kerasft.text.cleaning import Cleaning

VARIANTS = {
    "bert": ("bert",),
    "bert-mean": ("bert", "mean", "gelu_approximate"),
    "mean-silu": ("distilbert", "mean", "silu"),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, classifiers.Saved]:
    root = tmp_path_factory.mktemp("saved")
    saved = {
        name: classifiers.save(root / name, classifiers.build(*arguments))
        for name, arguments in VARIANTS.items()
    }
    return {"lora": classifiers.saved_lora(), **saved}


KERAS = """
import json, sys
import numpy as np, keras
assert "kerasft" not in sys.modules and "keras_hub" not in sys.modules
ids, *files = json.load(sys.stdin)
ids = np.array(ids, "int32")
answers = {}
for file in files:
    model = keras.saving.load_model(file)
    logits = model({"token_ids": ids, "padding_mask": ids > 0})
    answers[file] = keras.ops.convert_to_numpy(logits).tolist()
print("ANSWERS" + json.dumps(answers))
"""


def test_keras_files_load_without_kerasft(saved, tmp_path, run_python):
    files = {name: tmp_path / f"{name}.keras" for name in saved}
    for name, item in saved.items():
        export(item.folder, "keras", files[name])
    question = json.dumps([classifiers.inputs()["token_ids"].tolist(), *map(str, files.values())])
    # On the next backend: what one wrote another reads.
    names = backends.BACKENDS
    backend = names[(names.index(backends.choose().name) + 1) % len(names)]
    result = run_python("-c", KERAS, backend=backend, input=question)
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.rpartition("ANSWERS")[2])
    for name, item in saved.items():
        assert np.abs(np.array(answers[str(files[name])]) - item.logits).max() < 1e-4, name
    assert sorted(os.listdir(tmp_path)) == sorted(f"{name}.keras" for name in saved)


@pytest.mark.parametrize("name", ["lora", "bert"])
def test_transformers_loads_the_huggingface_export(saved, tmp_path, name):
    import torch
    import transformers

    notes = export(saved[name].folder, "huggingface", tmp_path / "out")
    assert notes == ["Texts are cut at 16 tokens."]
    model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "out", output_loading_info=True
    )
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    assert [model.config.id2label[i] for i in range(3)] == list(classifiers.LABELS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    inputs = tokenizer(classifiers.TEXTS, truncation=True, padding=True, return_tensors="pt")
    assert inputs["input_ids"].shape[1] == classifiers.MAX_LENGTH
    with torch.no_grad():
        logits = model.eval()(**inputs).logits.numpy()
    assert np.abs(logits - saved[name].logits).max() < 1e-4
    pipeline = transformers.pipeline("text-classification", str(tmp_path / "out"), device="cpu")
    labels = [answer["label"] for answer in pipeline(classifiers.TEXTS, truncation=True)]
    assert labels == [classifiers.LABELS[i] for i in saved[name].logits.argmax(1)]


@pytest.mark.parametrize("name", ["lora", "bert"])
def test_keras_hub_loads_its_export(saved, tmp_path, name):
    notes = export(saved[name].folder, "keras-hub", tmp_path / "out")
    exact = name == "lora"  # KerasHub's BERT has an approximate GELU
    assert len(notes) == (1 if exact else 2) and "cut at 16 tokens" in notes[0]
    hub = backends.import_keras_hub()
    with backends.without_tensorflow():
        loaded = hub.models.TextClassifier.from_preset(str(tmp_path / "out"))
        features = loaded.preprocessor(classifiers.TEXTS)
        logits = keras.ops.convert_to_numpy(loaded(features, training=False))
    assert np.abs(logits - saved[name].logits).max() < (1e-5 if exact else 1e-2)
    with pytest.raises(ConfigError, match="exists; name another folder or add --overwrite"):
        export(saved[name].folder, "keras-hub", tmp_path / "out")
    # And it is a place to start from.
    model, report = load_preset(str(tmp_path / "out")).build_classifier(3)
    assert report.unread == [] and model.arguments.num_layers == 2
    if exact:
        assert set(report.new) == {
            f"{layer}.{suffix}"
            for layer in ("pre_classifier", "classifier")
            for suffix in ("weight", "bias")
        }


def test_what_keras_hub_does_not_have_is_refused(saved, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="KerasHub has no classifier of bert with pooling 'mean'"):
        export(saved["bert-mean"].folder, "keras-hub", tmp_path / "out")
    other = classifiers.save(tmp_path / "roberta", classifiers.build("roberta")).folder
    with pytest.raises(ConfigError, match="supports bert, distilbert, not roberta; export it"):
        export(other, "keras-hub", tmp_path / "out")
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ConfigError, match=r"pip install 'kerasft\[keras-hub\]'"):
        export(saved["lora"].folder, "keras-hub", tmp_path / "out")
    with pytest.raises(PresetError, match=r"pip install 'kerasft\[keras-hub\]'"):
        load_preset("bert_tiny_en_uncased")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["lora", *VARIANTS])
def test_onnx_runtime_agrees_at_any_batch_and_length(saved, tmp_path, name):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")

    export(saved[name].folder, "onnx", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["labels"]) == list(classifiers.LABELS) and facts["max_length"] == "16"
    tokenizer = wordpieces.tokenizer(classifiers.VOCABULARY)
    encoded = tokenizer.encode(classifiers.TEXTS, classifiers.MAX_LENGTH).token_ids
    for length in (16, 64):  # all in one padded batch
        ids = np.zeros((len(encoded), length), dtype=np.int64)
        for row, tokens in enumerate(encoded):
            ids[row, : len(tokens)] = tokens
        mask = (np.arange(length) < [[len(tokens)] for tokens in encoded]).astype(np.int64)
        (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        assert np.abs(found - saved[name].logits).max() < 1e-5
    for row, tokens in enumerate(encoded):  # and each by itself
        inputs = {"input_ids": tokens[None].astype(np.int64)}
        inputs["attention_mask"] = np.ones_like(inputs["input_ids"])
        assert np.abs(session.run(None, inputs)[0][0] - saved[name].logits[row]).max() < 1e-5
    logits = classifiers.engine(saved[name].folder).logits(classifiers.TEXTS)
    assert np.abs(logits - found).max() < 1e-5


def test_what_cannot_be_exported(saved, tmp_path):
    folder = saved["lora"].folder
    (tmp_path / "x.onnx").write_text("precious")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("precious")
    for format, output, message in [
        ("torchscript", "x.pt", "the export format 'torchscript' is unknown"),
        ("keras", "x.h5", r"must end in \.keras"),
        ("onnx", "x.keras", r"must end in \.onnx"),
        ("onnx", "x.onnx", "exists"),
        ("onnx", "no/x.onnx", "there is no folder"),
        ("huggingface", "mine", "would not write"),
        ("huggingface", "x.onnx", "is a file"),
    ]:
        with pytest.raises(ConfigError, match=message):
            export(folder, format, tmp_path / output)
    with pytest.raises(ConfigError, match="pooling 'mean'"):
        export(saved["bert-mean"].folder, "huggingface", tmp_path / "out")
    assert sorted(os.listdir(tmp_path)) == ["mine", "x.onnx"]
    assert (tmp_path / "x.onnx").read_text() == "precious"


def test_exports_are_replaced_when_asked(tmp_path):
    options = {"cleaning": Cleaning(lowercase=True), "long_texts": "head_tail"}
    folder = classifiers.save(tmp_path / "run", classifiers.build(), **options)[0]
    notes = export(folder, "huggingface", tmp_path / "out")
    assert notes[0].startswith("Texts of more than 16 tokens are cut in the middle")
    assert notes[1].startswith("Texts are cleaned before the tokenizer (lowercase = True)")
    assert all(note in (tmp_path / "out" / "README.md").read_text() for note in notes)
    with pytest.raises(ConfigError, match="add --overwrite"):
        export(folder, "huggingface", tmp_path / "out")
    export(folder, "huggingface", tmp_path / "out", overwrite=True)
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="would not write"):
        export(folder, "huggingface", tmp_path / "out", overwrite=True)


def test_the_command(saved, tmp_path: Path, run_export):
    pytest.importorskip("onnx")

    folder, output = saved["lora"].folder, tmp_path / "x.onnx"
    code, out, err = run_export(folder, "--format", "onnx", "--output", output)
    assert (code, err) == (0, "") and "Texts are cut at 16 tokens." in out and output.is_file()
    for arguments in [
        (folder, "--format", "onnx", "--output", output),
        (folder, "--format", "onnx"),
        (folder, "--format", "pickle", "--output", "x"),
        (tmp_path / "none", "--format", "keras", "--output", tmp_path / "x.keras"),
    ]:
        code, out, err = run_export(*arguments)
        assert (code, out) == (2, "") and err.startswith("error: ") and err.count("\n") == 1
