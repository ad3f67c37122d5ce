"""`--engine` of predict: the same answers whatever computes them."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from harness import classifiers, onnx_folders, taggers, translators
from kerasft import backends
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.evaluation.temperature import softmax
from kerasft.predict import Predictor, open_for
from kerasft.runtimes import registry as runtimes

pytestmark = pytest.mark.any_backend

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

TEXTS = [*classifiers.TEXTS, *onnx_folders.texts(20)]


@pytest.fixture(scope="module")
def folder() -> Path:
    return onnx_folders.saved()


@pytest.fixture(scope="module")
def predictors(folder: Path) -> dict[str, Predictor]:
    others = {name: Predictor(folder, name) for name in ("onnx", "onnx-int8")}
    return {"keras": onnx_folders.keras(), **others}


def test_predictions_are_the_same(predictors):
    expected = predictors["keras"].predict(TEXTS)
    found = predictors["onnx"].predict(TEXTS)
    small = predictors["onnx-int8"].predict(TEXTS)
    for wanted, got, rough in zip(expected, found, small, strict=True):
        for each, most in ((got, 1e-4), (rough, 0.1)):
            assert list(each.probabilities) == list(wanted.probabilities)
            assert abs(sum(each.probabilities.values()) - 1) < 1e-12
            assert each.probabilities == pytest.approx(wanted.probabilities, abs=most)
            assert each.cut == wanted.cut
        assert got.label == wanted.label
    assert {each.cut for each in found} == {True, False}


def test_every_engine_divides_the_logits_by_the_temperature(folder, predictors):
    """And none takes another label for it; `min_confidence` takes labels away alone."""
    logits = classifiers.engine(folder).logits(TEXTS)
    wanted = softmax(logits, onnx_folders.TEMPERATURE)
    sure = wanted.max(axis=1)
    least = float(np.sort(sure)[len(sure) // 2]) + 1e-6
    for name, most in (("keras", 1e-5), ("onnx", 1e-4), ("onnx-int8", 0.1)):
        assert predictors[name].metadata["temperature"] == onnx_folders.TEMPERATURE
        found = predictors[name].predict(TEXTS)
        rows = np.array([list(each.probabilities.values()) for each in found])
        assert np.abs(rows - wanted).max() < most
        assert [each.label for each in found] == [classifiers.LABELS[row.argmax()] for row in rows]
        if name == "onnx-int8":
            continue
        careful = Predictor(folder, name, min_confidence=least)
        for before, after in zip(found, careful.predict(TEXTS), strict=True):
            is_sure = max(before.probabilities.values()) >= least
            assert after == (before if is_sure else replace(before, label=None))


def test_nothing_else_differs_but_the_engines_name(predictors):
    keras, *others = predictors.values()
    for name, each in zip(("onnx", "onnx-int8"), others, strict=True):
        assert each.metadata == {**keras.metadata, "engine": name}
        assert each.max_length == keras.max_length
        assert each.notes == keras.notes
        assert each.columns.screen_heads == keras.columns.screen_heads
        assert each.predict([]) == []
        for texts, message in [(["a", " \n"], "text 1 is empty"), ("a text", "give a list"),
                               (["a", 3], "text 1 is a int")]:  # fmt: skip
            with pytest.raises(DataError, match=message):
                each.predict(texts)
    assert keras.metadata["engine"] == "keras"


def test_missing_folders_are_the_same_sentence(tmp_path):
    sentences = set()
    for engine in ("keras", "onnx"):
        with pytest.raises(FolderError) as caught:
            Predictor(tmp_path / "nowhere", engine=engine)
        sentences.add(str(caught.value))
    assert len(sentences) == 1


def test_engines_that_cannot_run_a_task_are_named():
    translator = translators.saved().folder
    with pytest.raises(
        ConfigError, match=f"--engine onnx cannot run {translator}, a model for translation"
    ):
        open_for(translator, "onnx")
    assert open_for(taggers.saved().folder, "keras").engine == "keras"
    with pytest.raises(ConfigError, match="what can: auto, keras, onnx, onnx-int8"):
        open_for(onnx_folders.saved(), "ONNX")


def test_auto_takes_what_was_checked_and_is_installed(folder, monkeypatch):
    """An export in float32, never one in 8 bits; else Keras."""
    assert [open_for(folder, *engine).engine for engine in ([], ["auto"])] == ["onnx", "onnx"]
    assert open_for(onnx_folders.plain()).engine == "keras"
    assert runtimes.automatic(["keras", "onnx", "onnx-int8"], {"onnx-int8"}) == "keras"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert open_for(folder).engine == "keras"


def test_the_command(folder, command_with, predictors):
    command = command_with(folder, predictors["keras"])
    code, out, err = command("the cat", "he was with " * 30, "--format", "jsonl")
    expected = [json.loads(line) for line in out.splitlines()]
    code, out, err = command(
        "the cat", "he was with " * 30, "--format", "jsonl", "--engine", "onnx"
    )
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and err.startswith("1 of 2 texts were cut at 16 tokens")
    for got, wanted in zip(found, expected, strict=True):
        assert got.keys() == wanted.keys() and got["label"] == wanted["label"]
        assert got["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-4)
    code, out, err = command("the cat", "--engine", "auto")
    assert (code, err) == (0, "engine: onnx (--engine chooses another)\n")
    code, out, err = command("the cat", "--engine", "tensorrt")
    assert (code, out) == (2, "") and "--engine tensorrt cannot run" in err


def test_the_command_needs_no_backend_for_onnx(folder, command_with, predictors, monkeypatch):
    broken = backends.Choice("none", "none is installed", "no backend is installed")
    monkeypatch.setattr("kerasft.backends.choice._choice", broken)
    command = command_with(Path("elsewhere"), predictors["keras"])
    assert command("the cat", "--engine", "onnx", folder=folder)[0] == 0
    assert (
        command("the cat", "--engine", "keras", folder=folder)[2]
        == "error: no backend is installed.\n"
    )


def test_what_computes_has_a_name_and_a_version(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    onnxruntime = pytest.importorskip("onnxruntime")
    assert runtimes.package("onnx-int8") == "onnxruntime"
    assert runtimes.versions("onnx") == {"onnxruntime": onnxruntime.__version__}
    line = f"engine: onnx, onnxruntime {onnxruntime.__version__} on cpu, 1 thread"
    assert runtimes.describe("onnx") == line
    assert runtimes.package() == backends.choose().name
    assert {"keras", backends.choose().name} == runtimes.versions().keys()
    assert runtimes.describe() == backends.describe()


def test_logits_are_float32_in_order(folder, predictors):
    found = classifiers.engine(folder, "onnx").logits(TEXTS)
    assert found.dtype == np.float32
    labels = [each.label for each in predictors["onnx"].predict(TEXTS)]
    assert labels == [classifiers.LABELS[row] for row in found.argmax(1)]
    assert asdict(predictors["onnx"].predict(TEXTS[:1])[0])["label"] == labels[0]
