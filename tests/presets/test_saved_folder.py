"""A saved folder as the start of another run."""

import shutil

import numpy as np
import pytest

from harness import classifiers
from kerasft import peft
from kerasft.errors import PresetError
from kerasft.presets import load_preset


@pytest.fixture(
    scope="module",
    params=[("lora", "distilbert", "first"), ("lora", "bert", "mean"), ("full", "bert", "first")],
    ids="-".join,
)
def saved(request, tmp_path_factory):
    """A saved folder whose adapter, if any, is as large as the weights it changes."""
    tune, architecture, pooling = request.param
    model = classifiers.build(architecture, pooling)
    if tune == "lora":
        before = classifiers.logits(model)
        targets = ("transformer_layer_1/self_attention_layer/(query|value)", ".*output_dense")
        config = peft.LoRAConfig(targets=targets, rank=3, modules_to_save=model.head_layers)
        peft.apply(model, config)
        rng = np.random.default_rng(0)
        for weight in model.weights:
            if "lora_b" in weight.path:
                weight.assign(rng.normal(size=weight.shape).astype("float32"))
        assert np.abs(classifiers.logits(model) - before).max() > 0.01
    return classifiers.save(tmp_path_factory.mktemp("saved") / "run", model), pooling


def test_it_goes_on_from_the_merged_weights(saved):
    """Encoder, adapter and head are one plain model that says what the saved one said."""
    (folder, logits), pooling = saved
    pretrained = load_preset(str(folder))
    assert pretrained.labels == list(classifiers.LABELS)
    assert pretrained.head_pooling == pooling
    model, report = pretrained.build_classifier(3, pooling, labels=classifiers.LABELS)
    assert (report.new, report.unread) == ([], [])
    assert not any("lora" in weight.path for weight in model.weights)
    np.testing.assert_allclose(classifiers.logits(model), logits, atol=1e-4)


def test_its_labels_may_come_in_another_order(saved):
    (folder, logits), pooling = saved
    order = [2, 0, 1]
    labels = [classifiers.LABELS[number] for number in order]
    model, report = load_preset(str(folder)).build_classifier(3, pooling, labels=labels)
    assert report.new == []
    np.testing.assert_allclose(classifiers.logits(model), logits[:, order], atol=1e-4)


def test_another_pooling_makes_a_new_head(saved):
    (folder, _), pooling = saved
    other = "first" if pooling == "mean" else "mean"
    _, report = load_preset(str(folder)).build_classifier(3, other)
    assert {"classifier.weight", "classifier.bias"} <= set(report.new)


def test_a_changed_folder_is_refused(saved, tmp_path):
    folder = shutil.copytree(saved[0].folder, tmp_path / "copy")
    path = folder / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(PresetError, match=r"model\.safetensors"):
        load_preset(str(folder))
