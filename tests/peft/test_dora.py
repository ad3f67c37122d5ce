"""DoRA: the battery, and what is its own."""

from typing import ClassVar

import keras
import numpy as np
import peft as hugging_face_peft
import peft.tuners.lora as reference
import pytest
import torch

from harness import small
from harness.method_case import MethodCase
from harness.one_layer import as_matrix, one_layer
from kerasft.errors import AdapterError
from kerasft.peft import DoRAConfig, DoRADense, DoRAEinsumDense, apply, merge

THEIRS = {"distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"]}


class TestDoRA(MethodCase):
    method = DoRAConfig
    options: ClassVar = {"rank": 3, "alpha": 6.0, "dropout": 0.0}
    targets = ("query", "value")
    trains = ("lora_a", "lora_b", "magnitude")
    trained = 2 * (16 * 3 + 3 * 16 + 16)
    variants = ({}, {"rank_stabilized": True})
    t5_targets = ("q", "wo")

    @staticmethod
    def theirs(kind):
        return hugging_face_peft.LoraConfig(
            task_type="SEQ_CLS", r=3, lora_alpha=6, use_dora=True, target_modules=THEIRS[kind]
        )

    def formula(self, x, w, b, layer):
        into, out = w.shape
        a, u = small.numpy(layer.lora_a), small.numpy(layer.lora_b)
        scale = layer.adapter.settings.scale
        moved = w + scale * a.reshape(into, 3) @ u.reshape(3, out)
        magnitude = small.numpy(layer.magnitude).reshape(-1)
        return x @ (magnitude * moved / np.linalg.norm(moved, axis=0)) + b


@pytest.mark.parametrize("kind", ["dense", "query", "output", "kernel in another order"])
def test_dropout_and_gradients_are_those_of_peft(kind, monkeypatch) -> None:
    """With a dropout that drops the same on both sides: every other number."""
    model, x = one_layer(kind)
    apply(model, DoRAConfig(("layer",), 4, 6.0, dropout=0.5))
    small.randomize(model.trainable_weights)
    layer = model.get_layer("layer")
    into = len(layer._factors.in_shape)
    mask = (np.arange(np.prod(x.shape[-into:])) % 2 * 2).astype("float32")

    monkeypatch.setattr(
        keras.random, "dropout", lambda x, rate, seed: x * mask.reshape(x.shape[-into:])
    )
    matrix = as_matrix(layer)
    linear = torch.nn.Linear(*matrix.shape)
    config = reference.LoraConfig(r=4, lora_alpha=6, use_dora=True, lora_dropout=0.5)
    twin = reference.Linear(linear, "default", config, r=4, lora_alpha=6)
    twin.lora_dropout["default"] = torch.nn.Module()
    twin.lora_dropout["default"].forward = lambda x: x * torch.tensor(mask)
    theirs = {
        "magnitude": (twin.lora_magnitude_vector["default"].weight, (-1,)),
        "lora_a": (twin.lora_A["default"].weight, (-1, 4)),
        "lora_b": (twin.lora_B["default"].weight, (4, -1)),
    }
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(matrix.T.copy()))
        linear.bias.copy_(torch.tensor(small.numpy(layer.bias).reshape(-1)))
        for name, (parameter, shape) in theirs.items():
            array = small.numpy(getattr(layer, name)).reshape(shape)
            parameter.copy_(torch.tensor(array.T.copy()))
    expected = twin(torch.tensor(x.reshape(*x.shape[: x.ndim - into], -1)))
    y = small.numpy(model(x, training=True))
    np.testing.assert_allclose(y.reshape(expected.shape), expected.detach(), atol=1e-5)
    assert np.abs(y - small.numpy(model(x))).max() > 0.1

    target = np.random.default_rng(3).standard_normal(y.shape).astype("float32")
    ((expected - torch.tensor(target.reshape(expected.shape))) ** 2).mean().backward()
    found = small.gradients(model, x, target)
    assert {path.rpartition("/")[2] for path in found} == set(theirs)
    for name, (parameter, shape) in theirs.items():
        gradient = found[f"layer/{name}"].reshape(shape).T
        assert np.abs(gradient).max() > 1e-3
        np.testing.assert_allclose(gradient, parameter.grad, atol=1e-4, err_msg=name)


def test_an_output_without_weights_stays_a_number() -> None:
    model, x = one_layer("dense")
    layer = model.get_layer("layer")
    layer.kernel.assign(small.numpy(layer.kernel) * (np.arange(5) > 0))
    plain = small.numpy(model(x))
    apply(model, DoRAConfig(("layer",), dropout=0.0))
    np.testing.assert_array_equal(small.numpy(model(x)), plain)
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    model.fit(x, np.ones((4, 5, 5)), epochs=2, verbose=0)
    adapted = small.numpy(model(x))
    merge(model)
    np.testing.assert_allclose(small.numpy(model(x)), adapted, atol=1e-5)
    assert np.isfinite(adapted).all() and np.abs(adapted - plain).max() > 1e-3


def test_an_equation_that_does_not_end_in_its_outputs_is_refused() -> None:
    x = keras.Input((4, 6))
    layer = keras.layers.EinsumDense("abc,cd->adb", (5, 4), name="layer")
    model = keras.Model(x, layer(x))
    with pytest.raises(AdapterError, match="'layer' cannot take a magnitude of DoRA because its e"):
        apply(model, DoRAConfig(("layer",)))
    assert type(model.get_layer("layer")) is keras.layers.EinsumDense


@pytest.mark.parametrize(
    "layer",
    [
        lambda: DoRADense(5, rank=3, alpha=2.0, dropout=0.1, activation="relu", name="layer"),
        lambda: DoRAEinsumDense("ab,bc->ac", (5,), rank=3, rank_stabilized=True, name="layer"),
    ],
)
def test_a_layer_can_be_constructed_and_its_model_saved(layer, tmp_path) -> None:
    model = keras.Sequential([keras.Input((6,)), layer()])
    made = model.layers[0]
    norms = np.linalg.norm(small.numpy(made.kernel), axis=0)
    np.testing.assert_allclose(small.numpy(made.magnitude), norms, rtol=1e-6)
    small.randomize(model.weights)
    x = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[0].adapter.settings == made.adapter.settings
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
