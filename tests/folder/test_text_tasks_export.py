"""Several labels and numbers as transformers' directories, and as presets of further runs."""

import shutil

import keras
import numpy as np
import onnxruntime
import pytest

from harness import classifiers, text_folders
from harness.folders import reseal, set_setting
from kerasft import backends, tasks
from kerasft.errors import FolderError
from kerasft.exports.command import export
from kerasft.predict import Predictor
from kerasft.presets import load_preset

pytestmark = pytest.mark.any_backend

TEXTS = classifiers.TEXTS


@pytest.fixture(scope="module", params=["several", "number"])
def exported(request, tmp_path_factory):
    folder = getattr(text_folders, request.param)()
    place = tmp_path_factory.mktemp("twin") / "hf"
    export(folder, "huggingface", place)
    return folder, place


def outputs_of(place):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(place).eval()
    batch = classifiers.inputs()
    with torch.no_grad():
        return model, model(
            input_ids=torch.tensor(batch["token_ids"]).long(),
            attention_mask=torch.tensor(batch["padding_mask"]).long(),
        ).logits.numpy()


def test_transformers_says_the_same(exported):
    folder, place = exported
    model, logits = outputs_of(place)
    results = Predictor(folder).predict(TEXTS)
    if folder == text_folders.number():
        assert model.config.problem_type == "regression" and model.config.num_labels == 1
        np.testing.assert_allclose(logits[:, 0], [each.value for each in results], atol=1e-4)
    else:
        assert model.config.problem_type == "multi_label_classification"
        expected = [list(each.probabilities.values()) for each in results]
        np.testing.assert_allclose(1 / (1 + np.exp(-logits)), expected, atol=1e-5)


def test_every_format_gives_the_number_itself(tmp_path):
    folder, batch = text_folders.number(), classifiers.inputs()
    values = [each.value for each in Predictor(folder).predict(TEXTS)]
    export(folder, "keras", tmp_path / "x.keras")
    found = keras.saving.load_model(tmp_path / "x.keras")(batch)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[:, 0], values, atol=1e-4)
    export(folder, "keras-hub", tmp_path / "hub")
    with backends.without_tensorflow():
        hub = backends.import_keras_hub().models.TextClassifier.from_preset(str(tmp_path / "hub"))
        found = hub(hub.preprocessor(TEXTS), training=False)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found)[:, 0], values, atol=1e-4)
    export(folder, "onnx", tmp_path / "x.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx")
    names = {"input_ids": "token_ids", "attention_mask": "padding_mask"}
    feed = {theirs: batch[ours].astype("int64") for theirs, ours in names.items()}
    np.testing.assert_allclose(session.run(None, feed)[0][:, 0], values, atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert (facts["mean"], facts["scale"]) == ("0.0", "1.0")  # the number is output * scale + mean


def test_it_is_a_preset_with_its_head(exported):
    folder, place = exported
    _, logits = outputs_of(place)
    kinds = {"several": "multi_label_classification", "number": "regression"}
    problem = kinds["number" if folder == text_folders.number() else "several"]
    for preset in (place, folder):
        pretrained = load_preset(str(preset))
        assert pretrained.problem_type == problem
        names = pretrained.labels
        model, report = pretrained.build_classifier(len(names), None, names, problem)
        assert "classifier.weight" not in report.new
        found = keras.ops.convert_to_numpy(model(classifiers.inputs(), training=False))
        np.testing.assert_allclose(found, logits, atol=1e-4)
        other = "single_label_classification"
        _, report = pretrained.build_classifier(len(names), None, names, other)
        assert "classifier.weight" in report.new  # a head that says something else


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("several", {"thresholds": [0.5, 0.5]}, "thresholds has 2 numbers, but the model has 3"),
        ("several", {"thresholds": [0.5, 1.5, 0.5]}, "a threshold lies above 0 and below 1"),
        ("several", {"thresholds": 0.5}, "must be a list of numbers"),
        ("number", {"scale": 0}, "a standard deviation is above 0"),
        ("number", {"mean": "x"}, "must be a finite number"),
        ("number", {"num_labels": 2}, "has one output"),
    ],
)
def test_an_edited_folder(tmp_path, name, settings, says):
    copy = shutil.copytree(getattr(text_folders, name)(), tmp_path / "copy")
    reseal(copy, set_setting(**settings))
    with pytest.raises(FolderError, match=says) as caught:
        tasks.load(copy)
    assert "\n" not in str(caught.value)
