"""Saved folders of models with prefixes: what predicts from them, and who says no."""

import functools
from pathlib import Path

import keras
import numpy as np
import pytest

from harness import classifiers, text_models
from harness.folders import kept
from kerasft import peft
from kerasft.errors import ConfigError
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.tasks import load

pytestmark = pytest.mark.any_backend


def saved_t5(folder: Path) -> Path:
    keras.utils.set_random_seed(0)
    model = text_models.build()
    peft.apply(model, peft.PrefixTuningConfig(num_virtual_tokens=3))
    return text_models.save(folder, model).folder


@functools.cache
def saved() -> classifiers.Saved:
    saved = classifiers.save(kept("prefix"), classifiers.train("prefix", "bert"))
    make_export(saved.folder, "onnx")
    return saved


def test_keras_and_onnx_runtime_predict_the_same():
    adapter = load(saved().folder).model
    assert len(peft.adapted_layers(adapter)) == 2  # they stay on it
    assert np.abs(classifiers.logits(adapter) - saved().logits).max() < 1e-5
    for engine in ("keras", "onnx"):
        found = classifiers.engine(saved().folder, engine).logits(classifiers.TEXTS)
        np.testing.assert_allclose(found, saved().logits, atol=1e-4, err_msg=engine)


def test_a_t5_with_prefixes_writes_with_keras_and_not_with_ctranslate2(tmp_path):
    folder = saved_t5(tmp_path / "t5")
    with pytest.raises(ConfigError, match="tuned with Prefix tuning cannot be exported to CTransl"):
        make_export(folder, "ctranslate2")
    found = [
        [each.output for each in Predictor(path, "keras", task="topics").predict(texts)]
        for path in (folder, text_models.saved().folder)
        for texts in [text_models.SOURCES]
    ]
    assert found[0] != found[1]


def test_texts_that_leave_a_berts_prefix_no_position_are_not_saved(tmp_path):
    model = classifiers.build("bert")  # 64 positions
    peft.apply(model, peft.PrefixTuningConfig(num_virtual_tokens=49))
    with pytest.raises(ConfigError, match="max_length is 16, but the model takes 1 to 15"):
        classifiers.save(tmp_path / "run", model, max_length=16)
