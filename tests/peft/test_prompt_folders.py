"""Saved folders of models whose adapter stays on them: what takes them, and who says no."""

import functools
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest

from harness import classifiers, text_models
from harness.folders import kept, reseal
from kerasft import peft
from kerasft.errors import ConfigError, FolderError, PresetError
from kerasft.exports.command import export
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.presets import load_preset
from kerasft.presets.seq2seq import load_seq2seq
from kerasft.tasks import load

pytestmark = pytest.mark.any_backend


@functools.cache
def saved() -> classifiers.Saved:
    return classifiers.save(kept("prompt"), classifiers.train("prompt"))


@functools.cache
def saved_t5() -> Path:
    keras.utils.set_random_seed(0)
    model = text_models.build()
    peft.apply(model, peft.PromptConfig(num_virtual_tokens=3))
    return text_models.save(kept("prompt_t5"), model).folder


def test_an_onnx_file_outside_holds_the_vectors(tmp_path):
    said = export(saved().folder, "onnx", tmp_path / "model.onnx")
    assert said
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    batch = classifiers.inputs()
    for rows in (slice(None), slice(1, 3)):
        (found,) = session.run(
            ["logits"],
            {
                "input_ids": batch["token_ids"][rows].astype("int64"),
                "attention_mask": batch["padding_mask"][rows].astype("int64"),
            },
        )
        np.testing.assert_allclose(found, saved().logits[rows], atol=1e-5)


@pytest.mark.parametrize("format", ["huggingface", "keras", "keras-hub"])
def test_formats_that_hold_weights_alone_refuse(format, tmp_path):
    output = tmp_path / ("model.keras" if format == "keras" else "model")
    with pytest.raises(
        ConfigError, match=rf"was tuned with Prompt tuning, .* the format '{format}"
    ):
        export(saved().folder, format, output)
    assert not output.exists()


def test_no_run_starts_from_such_a_folder_but_from_its_adapter():
    message = r"tuned with Prompt tuning, .*; use the preset that it was tuned from, .*/adapter"
    with pytest.raises(PresetError, match=message):
        load_preset(str(saved().folder))
    with pytest.raises(PresetError, match=message):
        load_seq2seq(str(saved_t5()))
    model = classifiers.build()
    report = peft.load_adapter(model, saved().folder / "adapter")
    np.testing.assert_allclose(classifiers.logits(model), saved().logits, atol=1e-6)
    assert report.method == "prompt"


def test_a_t5_with_vectors_writes_with_keras_and_not_with_ctranslate2():
    with pytest.raises(ConfigError, match="tuned with Prompt tuning cannot be exported to CTran"):
        make_export(saved_t5(), "ctranslate2")
    plain = text_models.saved().folder
    texts = text_models.SOURCES
    found = [
        [each.output for each in Predictor(folder, "keras", task="topics").predict(texts)]
        for folder in (saved_t5(), plain)
    ]
    assert found[0] != found[1]


def test_a_folder_whose_texts_leave_no_room_for_the_vectors_is_refused(tmp_path):
    model = classifiers.build()
    peft.apply(model, peft.PromptConfig(num_virtual_tokens=48, modules_to_save=model.head_layers))
    with pytest.raises(ConfigError, match="max_length is 17, but the model takes 1 to 16"):
        classifiers.save(tmp_path / "run", model, max_length=17)
    folder = classifiers.save(tmp_path / "run", model).folder
    reseal(folder, lambda manifest: manifest.update(max_length=17))
    with pytest.raises(FolderError, match="max_length is 17, more than the 16 positions that the"):
        load(folder)
