"""BitFit: the battery beside transformers with only its biases free, and what is its own."""

import keras
import numpy as np
import pytest
import safetensors.numpy
import torch

from harness import peft_twins, small, t5_twins
from harness.method_case import MethodCase
from kerasft.errors import AdapterError
from kerasft.peft import BitFitConfig, apply, load_adapter, save_adapter


class TestBitFit(MethodCase):
    method = BitFitConfig
    targets = (".*",)
    trains = ("bias", "beta")
    trained = 4 * 16 + 32 + 16 + 2 * 16

    def reference(self, directory, kind):
        model = peft_twins.theirs(directory)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name.endswith(".bias"))
        return model

    def formula(self, x, w, b, layer):
        return x @ w + b

    def test_files_go_to_peft_and_come_from_it(self, checkpoint, tmp_path):
        """PEFT has no BitFit: its files name biases as transformers does, which loads them."""
        _, directory = checkpoint
        model = peft_twins.ours(directory)
        apply(model, self.config(modules_to_save=("classifier",)))
        small.randomize(model.trainable_weights)
        save_adapter(model, tmp_path / "a", str(directory))
        tensors = safetensors.numpy.load_file(tmp_path / "a" / "adapter_model.safetensors")
        theirs = peft_twins.theirs(directory)
        biases = {name for name, _ in theirs.named_parameters() if name.endswith(".bias")}
        assert set(tensors) == {f"base_model.model.{n}" for n in {*biases, "classifier.weight"}}
        state = {name.removeprefix("base_model.model."): each for name, each in tensors.items()}
        theirs.load_state_dict({n: torch.tensor(each) for n, each in state.items()}, strict=False)
        np.testing.assert_allclose(peft_twins.logits(theirs), small.logits(model), atol=1e-5)
        with pytest.raises((KeyError, ValueError)):
            peft_twins.with_adapter(directory, tmp_path / "a")

    def test_a_t5_goes_to_peft_and_comes_back(self, tmp_path):
        """It has no bias."""
        t5_twins.write(tmp_path, num_layers=1)
        with pytest.raises(AdapterError, match="is a Embedding and not a layer with a bias"):
            apply(t5_twins.ours(tmp_path), self.config())


def test_a_bias_of_each_kind_of_layer_trains_and_no_statistic_moves(tmp_path):
    def build() -> keras.Model:
        y = x = keras.Input((4,))
        for layer in (
            keras.layers.Dense(6, name="dense"),
            keras.layers.LayerNormalization(name="norm"),
            keras.layers.BatchNormalization(name="batch"),
            keras.layers.Dense(5, use_bias=False, name="bare"),
            keras.layers.Dense(2, name="head"),
        ):
            y = layer(y)
        model = keras.Model(x, y)
        small.randomize([w for w in model.weights if w.name == "kernel"])
        return model

    model = build()
    report = apply(model, BitFitConfig(modules_to_save=("head",)))
    assert report.adapted == ("dense", "norm") and report.trained_in_full == ("head",)
    assert report.counts.trained == 6 + 6 + 5 * 2 + 2
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    before = small.snapshot(model.weights)
    x = np.random.default_rng(0).standard_normal((8, 4)).astype("float32")
    model.fit(x, np.ones((8, 2)), verbose=0)
    changed = small.moved(before, small.snapshot(model.weights))
    assert changed == {"dense/bias", "norm/beta", "head/kernel", "head/bias"}
    save_adapter(model, tmp_path / "adapter", "")
    model.save(tmp_path / "model.keras")  # all layers are plain ones
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(x, verbose=0), model.predict(x, verbose=0), atol=1e-6)
    fresh = build()
    load_adapter(fresh, tmp_path / "adapter")
    np.testing.assert_array_equal(fresh.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(AdapterError, match="'bare', which is a Dense and not a layer with a bias"):
        apply(build(), BitFitConfig(("bare",)))
