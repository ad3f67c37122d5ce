"""Taggers' folders: what is saved finds the same, and what somebody changed is refused."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from harness import classifiers, taggers
from harness.folders import reseal, rewrite, set_argument
from kerasft import peft
from kerasft.errors import ConfigError, FolderError
from kerasft.exports.command import export
from kerasft.folder import contents as c
from kerasft.folder import verify
from kerasft.presets import load_preset
from kerasft.tasks import load
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.text.labels import LabelMap


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(taggers.saved().folder, tmp_path / "run")
    return tmp_path / "run"


def same(found, expected) -> None:
    assert [[each.span for each in row] for row in found] == [
        [each.span for each in row] for row in expected
    ]
    scores = [each.score for row in found for each in row]
    assert scores == pytest.approx([each.score for row in expected for each in row], abs=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "distilbert"])
@pytest.mark.parametrize("tune", ["lora", "full"])
def test_what_is_loaded_finds_the_same(tune, architecture, tmp_path):
    saved = taggers.save(tmp_path / "run", taggers.train(tune, architecture))
    assert any(saved.found)
    loaded = load(saved.folder, TokenTagger)
    manifest = verify(saved.folder)
    assert manifest.task == "tagging" and manifest.has_adapter == (tune == "lora")
    assert loaded.labels == taggers.TAGS and loaded.max_length == taggers.MAX_LENGTH
    assert bool(peft.adapted_layers(loaded.model)) == (tune == "lora")
    same(taggers.find(loaded.model), saved.found)


def test_it_is_a_preset_with_its_head(folder):
    pretrained = load_preset(str(folder))
    assert pretrained.tags == list(taggers.TAGS.names) and pretrained.labels is None
    model, report = pretrained.build_tagger(taggers.TAGS.names)
    assert not report.new and not report.unread
    same(taggers.find(model), taggers.saved().found)
    _, report = pretrained.build_classifier(len(taggers.TAGS))
    assert "classifier.weight" in report.new


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        load(folder, TokenTagger)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500, message
    return message


def test_tasks_are_not_mixed_up(folder):
    with pytest.raises(FolderError, match="tagging"):
        load(folder, TextClassifier)
    assert "classification" in refusal(classifiers.saved_lora().folder)
    for kind, name in (("keras", "x.keras"), ("huggingface", "x"), ("keras-hub", "x")):
        with pytest.raises(ConfigError, match=f"tagging, .* '{kind}'; use --format onnx"):
            export(folder, kind, folder.parent / name)


@pytest.mark.any_backend
def test_one_onnx_file_says_what_the_tagger_says(tmp_path):
    saved = taggers.saved()
    assert export(saved.folder, "onnx", tmp_path / "x.onnx") == ["Texts are cut at 16 tokens."]
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx")
    ids = classifiers.inputs()["token_ids"]
    inputs = {"token_ids": ids, "padding_mask": ids > 0}
    expected = keras.ops.convert_to_numpy(load(saved.folder, TokenTagger).model(inputs))
    feed = {"input_ids": ids.astype("int64"), "attention_mask": (ids > 0).astype("int64")}
    (found,) = session.run(None, feed)
    np.testing.assert_allclose(found[ids > 0], expected[ids > 0], atol=1e-5)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["labels"]) == list(taggers.TAGS.names)


def tags(*names: str):
    return lambda folder: (folder / "label_map.json").write_text(
        json.dumps({str(number): name for number, name in enumerate(names)})
    )


def drop_a_tensor(folder: Path) -> None:
    rewrite(folder / c.WEIGHTS, lambda tensors: tensors.popitem())


def another_shape(folder: Path) -> None:
    name = "distilbert.embeddings.word_embeddings.weight"
    rewrite(folder / c.WEIGHTS, lambda tensors: tensors.update({name: np.zeros((2, 2), "float32")}))


@pytest.mark.parametrize(
    ("change", "manifest", "words"),
    [
        (tags("O", "B-LOC", "I-LOC", "B-PER", "I-ORG"), {}, "label_map.json: the tags"),
        (tags("X", "B-LOC", "I-LOC", "B-PER", "I-PER"), {}, "'X'"),
        (tags("O", "B-LOC", "I-LOC", "B-PER"), {}, "4 labels"),
        (drop_a_tensor, {}, "has no tensor"),
        (another_shape, {}, "(2, 2)"),
        (None, {"settings": {"num_labels": 1}}, "num_labels"),
        (None, {"settings": {"num_labels": 7}}, "7"),
        (None, {"max_length": 65}, "64 positions"),
        (None, {"architecture": "gpt"}, "'gpt'"),
        (None, {"settings": {"num_labels": 5, "cleaning": {}}}, 'unknown setting "cleaning"'),
    ],
)
def test_what_does_not_fit_is_refused(folder, change, manifest, words):
    if change:
        change(folder)
    reseal(folder, lambda data: data.update(manifest))
    assert words in refusal(folder)


def test_a_huge_model_is_refused(folder):
    reseal(folder, set_argument(vocab_size=4_000_000, hidden_size=20_000))
    refusal(folder)


def test_parts_that_do_not_fit_are_not_saved(tmp_path):
    model = taggers.build()
    for options, words in (
        ({"labels": LabelMap(("O", "B-X", "I-X"))}, "3 labels"),
        ({"labels": LabelMap(("O", "B-X", "I-X", "B-Y", "I-Z"))}, "missing or too many"),
        ({"labels": LabelMap(("a", "b", "c", "d", "e"))}, "'a'"),
        ({"max_length": 65}, "65"),
    ):
        with pytest.raises(ConfigError, match=words):
            taggers.save(tmp_path / "run", model, **options)
        assert not (tmp_path / "run").exists()
