"""Folders of text-to-text models: what is saved says the same, and what was changed is refused."""

import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from harness import classifiers, text_models
from harness.folders import reseal, rewrite, set_argument, set_setting
from kerasft import peft
from kerasft.errors import ConfigError, FolderError
from kerasft.exports.command import export
from kerasft.folder import contents as c
from kerasft.folder import is_ours, verify
from kerasft.tasks import check_parts, load, save
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.text_to_entities.writer import EntityWriter
from kerasft.tasks.text_to_text.writer import TextWriter

QUERY = "encoder.block.1.layer.0.SelfAttention.q.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(text_models.saved().folder, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("lora", [False, True])
def test_the_folder_is_what_was_given(lora):
    loaded = load(text_models.saved(lora).folder, TextWriter)
    folder = text_models.saved(lora).folder
    manifest = verify(folder)
    assert manifest.task == "text_to_text" and loaded.tasks == tuple(text_models.TASKS)
    assert (loaded.max_length, loaded.max_target_length, loaded.beam_size) == (32, 8, 2)
    assert manifest.has_adapter == lora == bool(peft.adapted_layers(loaded.model))
    assert loaded.model.arguments == text_models.build().arguments
    for text in (*text_models.SOURCES, *text_models.TARGETS):
        ids = loaded.tokenizer.encode([text], 50).token_ids[0].tolist()
        assert ids == text_models.tokenizer().encode([text], 50).token_ids[0].tolist()
    assert is_ours(folder) and QUERY in load_file(folder / c.WEIGHTS)


@pytest.mark.parametrize("untied", [False, True])
def test_a_loaded_model_can_be_saved_again(untied, tmp_path):
    model = text_models.build(tie_embeddings=not untied, gated=untied, scale_outputs=not untied)
    first = text_models.save(tmp_path / "run", model)
    loaded = load(first.folder, TextWriter)
    again = text_models.save(first.folder, loaded.model)
    np.testing.assert_array_equal(again.logits, first.logits)


def test_models_for_entities_name_their_types(tmp_path):
    parts = EntityWriter(
        text_models.build(), text_models.tokenizer(),
        (SavedTask("entities", "find entities: ", "entities"),), 32, 8,
        entity_types=("LOC", "PER"),
    )  # fmt: skip
    save(tmp_path / "run", parts)
    assert verify(tmp_path / "run").task == "text_to_entities"
    loaded = load(tmp_path / "run", EntityWriter)
    assert loaded.entity_types == ("LOC", "PER") and loaded.tasks == parts.tasks
    with pytest.raises(ConfigError, match="no name of 1 to 200"):
        check_parts(replace(parts, entity_types=("P" * 201,)))
    with pytest.raises(ConfigError, match="must name one type or more"):
        check_parts(replace(parts, entity_types=()))
    for types, words in (([3], "which is no name"), ([], "must name one type"), ({}, "a list")):
        reseal(tmp_path / "run", set_setting(entity_types=types))
        assert words in refusal(tmp_path / "run")


def refusal(folder: Path) -> str:
    with pytest.raises(FolderError) as caught:
        load(folder, TextWriter)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 500, message
    return message


TASK = {"name": "a", "prefix": "a: ", "metric": "exact"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(architecture="bert"), "the architecture 'bert' is unknown"),
        (lambda d: d.update(task="translation"), "has no 'languages'"),
        (set_setting(cleaning={"html": True}), 'unknown setting "cleaning"'),
        (set_setting(tasks={}), "tasks is {}, but must be a list"),
        (set_setting(tasks=[]), "there are 0 tasks"),
        (set_setting(tasks=["a"]), "each must have a name, a prefix and a metric"),
        (set_setting(tasks=[{**TASK, "name": 3}]), "each must have a name"),
        (set_setting(tasks=[{**TASK, "name": " "}]), "must have a unique name"),
        (set_setting(tasks=[TASK, TASK]), "must have a unique name"),
        (set_setting(tasks=[{**TASK, "prefix": "a" * 1001}]), "more than 1000"),
        (set_setting(tasks=[{**TASK, "metric": "luck"}]), 'the metric "luck" is unknown'),
        (set_setting(entity_types=["PER"]), 'unknown setting "entity_types"'),
        (lambda d: d["settings"].pop("beam_size"), "has no 'beam_size' among its settings"),
        (set_setting(max_target_length=10**6), "max_target_length is 1000000"),
        (set_setting(beam_size=0), "beam_size is 0"),
        (set_setting(beam_size=True), "beam_size is true"),
        (lambda d: d.update(max_length=100_000), "max_length is 100000"),
        (lambda d: d.update(max_length=1), "special tokens"),
        (set_argument(d_model=32), "manifest.json asks for"),
        (set_argument(d_ff=8), "manifest.json asks for"),
        (set_argument(encoder_layers=1), "for which the model has no place"),
        (set_argument(decoder_layers=2), "has no tensor"),
        (set_argument(tie_embeddings=False), "has no tensor 'lm_head.weight'"),
        (set_argument(relative_buckets=16), "manifest.json asks for"),
        (set_argument(vocab_size=40), "tokens, but the model only 40"),
        (set_argument(pad_id=5), "pads with the token 0, but the model with 5"),
        (set_argument(end_id=5), "ends texts with the token 1, but the model with 5"),
        (set_argument(encoder_layers=10**9), "encoder_layers must be between"),
        (set_argument(activation="os.system"), "activation 'os.system' is not one of"),
        (set_argument(module="os"), "unknown T5 arguments: module"),
    ],
)
def test_a_forged_manifest(folder, change, message):
    reseal(folder, change)
    assert message in refusal(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({QUERY: t[QUERY][:, :8].copy()}), "in the shape (12, 8)"),
        (lambda t: t.pop(QUERY), f"has no tensor '{QUERY}'"),
        (lambda t: t.update(more=t[QUERY]), "holds 'more', for which the model has no place"),
        (lambda t: t.update({QUERY: np.zeros((12, 16), "float16")}), "must be F32"),
    ],
)
def test_weights_that_do_not_fit_the_manifest(folder, change, message):
    rewrite(folder / c.WEIGHTS, change)
    reseal(folder)
    assert message in refusal(folder)


def test_an_adapter_that_does_not_fit(tmp_path):
    folder = shutil.copytree(text_models.saved(lora=True).folder, tmp_path / "run")
    rewrite(folder / c.ADAPTER_WEIGHTS, lambda tensors: tensors.popitem())
    reseal(folder)
    assert "adapter does not fit" in refusal(folder)


def test_a_huge_model_takes_no_memory(folder):
    reseal(folder, set_argument(vocab_size=4_000_000, d_model=1280))
    tracemalloc.start()
    try:
        assert "manifest.json asks for" in refusal(folder)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_tasks_are_not_mixed_up(folder, tmp_path):
    with pytest.raises(FolderError, match="a model for text_to_text, but one for classification"):
        load(folder, TextClassifier)
    assert "a model for classification" in refusal(classifiers.saved_lora().folder)
    with pytest.raises(ConfigError, match="text_to_text, which has no export in"):
        export(folder, "onnx", tmp_path / "x.onnx")


def test_what_does_not_fit_is_not_saved(tmp_path):
    model = text_models.build()
    size = text_models.tokenizer().vocab_size
    for options, message in [
        ({"max_length": 0}, "max_length is 0"),
        ({"max_target_length": 0}, "max_target_length is 0"),
        ({"beam_size": 65}, "beam_size is 65"),
        ({"tasks": []}, "there are 0 tasks"),
        ({"tasks": [SavedTask("a", "a: ", "luck")]}, "the metric"),
        ({"model": text_models.build(vocab_size=size - 1)}, f"has {size} tokens"),
        ({"model": text_models.build(end_id=2)}, "ends texts with the token 1"),
        ({"model": text_models.build(pad_id=2)}, "pads with the token 0"),
    ]:
        with pytest.raises(ConfigError, match=message):
            text_models.save(tmp_path / "run", **{"model": model, **options})
    model.weights[3].assign(model.weights[3] * float("nan"))
    with pytest.raises(ConfigError, match="hold NaN or infinity"):
        text_models.save(tmp_path / "run", model)
    assert list(tmp_path.iterdir()) == []
