import math
from typing import ClassVar

import keras
import numpy as np
import peft as hugging_face_peft
import peft.tuners.lora as reference
import pytest
import torch

from harness import small
from harness.method_case import MethodCase
from harness.one_layer import EQUATIONS, as_matrix, assert_saved_by_keras, one_layer
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft import LoRAConfig, LoRADense, LoRAEinsumDense, apply, merge, unmerge

THEIRS = {"distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"]}


class TestLoRA(MethodCase):
    method = LoRAConfig
    options: ClassVar = {"rank": 3, "alpha": 6.0, "dropout": 0.0}
    targets = ("query", "value")
    trains = ("lora_a", "lora_b")
    trained = 2 * (16 * 3 + 3 * 16)
    variants = ({}, {"rank_stabilized": True})
    resumed = ({}, {"lora_plus_ratio": 8.0})
    t5_targets = ("q", "v")

    @staticmethod
    def theirs(kind):
        return hugging_face_peft.LoraConfig(
            task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=THEIRS[kind]
        )

    def formula(self, x, w, b, layer):
        into, out = w.shape
        a, u = small.numpy(layer.lora_a), small.numpy(layer.lora_b)
        scale = 6.0 / (math.sqrt(3) if layer.adapter.settings.rank_stabilized else 3)
        return x @ w + scale * x @ a.reshape(into, 3) @ u.reshape(3, out) + b


@pytest.mark.parametrize("rank_stabilized", [False, True])
@pytest.mark.parametrize("kind", EQUATIONS)
def test_outputs_and_gradients_equal_peft(kind: str, rank_stabilized: bool) -> None:
    model, x = one_layer(kind)
    config = LoRAConfig(("layer",), 4, 6.0, dropout=0.0, rank_stabilized=rank_stabilized)
    apply(model, config)
    small.randomize_adapters(model)
    layer = model.get_layer("layer")
    if kind == "dense":
        assert isinstance(layer, LoRADense)
    a, b = small.numpy(layer.lora_a), small.numpy(layer.lora_b)
    matrix = as_matrix(layer)
    linear = torch.nn.Linear(*matrix.shape, bias=layer.bias is not None)
    twin = reference.Linear(
        linear, "default", reference.LoraConfig(r=4, lora_alpha=6, use_rslora=rank_stabilized),
        r=4, lora_alpha=6,
    )  # fmt: skip
    with torch.no_grad():
        linear.weight.copy_(torch.tensor(matrix.T.copy()))
        if layer.bias is not None:
            bias = small.numpy(layer.bias)
            linear.bias.copy_(torch.tensor(bias.reshape(-1)))
        twin.lora_A["default"].weight.copy_(torch.tensor(a.reshape(-1, 4).T.copy()))
        twin.lora_B["default"].weight.copy_(torch.tensor(b.reshape(4, -1).T.copy()))
    flat = torch.tensor(x.reshape(*x.shape[: x.ndim - len(layer._factors.in_shape)], -1))
    expected = twin(flat)
    y = model.predict(x, verbose=0)
    np.testing.assert_allclose(y.reshape(expected.shape), expected.detach(), atol=1e-5)

    target = np.random.default_rng(3).standard_normal(y.shape).astype("float32")
    ((expected - torch.tensor(target.reshape(expected.shape))) ** 2).mean().backward()
    got = small.gradients(model, x, target)
    assert set(got) == {"layer/lora_a", "layer/lora_b"}
    grad_a, grad_b = (twin.lora_A["default"].weight.grad, twin.lora_B["default"].weight.grad)
    assert abs(grad_a).max() > 1e-3 and abs(grad_b).max() > 1e-3
    np.testing.assert_allclose(got["layer/lora_a"].reshape(-1, 4).T, grad_a, atol=1e-4)
    np.testing.assert_allclose(got["layer/lora_b"].reshape(4, -1).T, grad_b, atol=1e-4)


def test_training_forms_no_product_of_the_kernels_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small.dense_model(units=7)
    apply(model, LoRAConfig(("first",), rank=2, dropout=0.1))
    shapes = []

    def spied(function):
        def wrapper(*args, **kwargs):
            result = function(*args, **kwargs)
            shapes.append(tuple(result.shape))
            return result

        return wrapper

    for name in ("matmul", "einsum", "add", "multiply", "tensordot", "dot"):
        monkeypatch.setattr(keras.ops, name, spied(getattr(keras.ops, name)))
    model.get_layer("first")(np.ones((3, 4), "float32"), training=True)
    assert (3, 2) in shapes and (3, 7) in shapes
    assert (4, 7) not in shapes


def test_dropout_hits_the_low_rank_path_only_and_only_in_training() -> None:
    keras.utils.set_random_seed(0)
    model, x = one_layer("dense")
    apply(model, LoRAConfig(("layer",), rank=4, alpha=4.0, dropout=0.5))
    layer = model.get_layer("layer")
    base = small.numpy(model(x, training=True))
    np.testing.assert_array_equal(base, small.numpy(model(x, training=False)))  # B is zero
    layer.lora_a.assign(np.eye(6, 4))
    layer.lora_b.assign(np.eye(4, 5))
    # With these A and B the path is the identity on the first 4 inputs: dropout is then visible
    # as 0 or twice the input.
    path = small.numpy(model(x, training=True)) - base
    ratio = path[..., :4] / x[..., :4]
    assert set(np.unique(np.round(ratio, 2)).tolist()) <= {-0.0, 0.0, 2.0}
    assert 0.3 < np.mean(np.round(ratio, 2) == 2.0) < 0.7
    np.testing.assert_allclose((small.numpy(model(x)) - base)[..., :4], x[..., :4], atol=1e-5)


def test_random_state_is_a_variable_and_the_seed_decides() -> None:
    def run() -> tuple[dict, np.ndarray]:
        keras.utils.set_random_seed(7)
        model, x = one_layer("dense")
        apply(model, LoRAConfig(("layer",), rank=4, dropout=0.5))
        fresh = small.snapshot(model.variables)
        model.compile(keras.optimizers.SGD(0.1), loss="mse")
        model.fit(x, np.ones((4, 5, 5)), epochs=2, verbose=0, batch_size=2)
        return fresh, small.snapshot(model.variables)

    (fresh, trained), (fresh_again, trained_again) = run(), run()
    assert "layer/lora_dropout/seed_generator_state" in fresh
    assert small.moved(fresh, fresh_again) == set()
    assert small.moved(trained, trained_again) == set()
    assert "layer/lora_b" in small.moved(fresh, trained)


def test_without_dropout_there_is_no_random_state() -> None:
    model, _ = one_layer("dense")
    apply(model, LoRAConfig(("layer",), dropout=0.0))
    assert not any("seed" in v.path for v in model.variables)


def test_a_starts_uniform_within_one_over_root_in_and_b_zero() -> None:
    model = keras.Sequential([keras.Input((400,)), keras.layers.Dense(3, name="layer")])
    apply(model, LoRAConfig(("layer",), rank=50))
    layer = model.get_layer("layer")
    a = small.numpy(layer.lora_a)
    assert np.abs(a).max() <= 1 / math.sqrt(400) and np.abs(a).max() > 0.99 / math.sqrt(400)
    np.testing.assert_allclose(a.std(), 1 / math.sqrt(3 * 400), rtol=0.02)
    assert not small.numpy(layer.lora_b).any()


@pytest.mark.parametrize(
    "layer",
    [
        lambda: LoRADense(5, rank=3, alpha=2.0, dropout=0.1, activation="relu", name="layer"),
        lambda: LoRAEinsumDense("ab,bc->ac", (5,), rank=3, rank_stabilized=True, name="layer"),
    ],
)
def test_a_layer_can_be_constructed_and_its_model_saved(layer, tmp_path) -> None:
    assert_saved_by_keras(layer(), tmp_path / "model.keras")


@pytest.mark.parametrize(
    ("equation", "output", "shape", "reason"),
    [
        ("abc,bcd->abd", (4, 5), (3, 4, 6), "index 'b' is in input, kernel and output"),
        ("ab,cd->abcd", (6, 2, 3), (3, 6), "contracts no index"),
    ],
)
def test_other_equations_are_refused(equation, output, shape, reason) -> None:
    x = keras.Input(shape[1:])
    model = keras.Model(x, keras.layers.EinsumDense(equation, output, name="layer")(x))
    before = small.snapshot(model.variables)
    with pytest.raises(AdapterError, match=rf"'layer'.*{reason}.*leave it out"):
        apply(model, LoRAConfig(("layer",)))
    assert list(small.snapshot(model.variables)) == list(before)
    assert type(model.get_layer("layer")) is keras.layers.EinsumDense


def test_training_a_merged_model_is_refused() -> None:
    model, x = one_layer("dense")
    apply(model, LoRAConfig(("layer",)))
    model.compile("sgd", loss="mse")
    model.fit(x, np.zeros((4, 5, 5)), verbose=0)
    merge(model)
    with pytest.raises(AdapterError, match="unmerge"):
        model.fit(x, np.zeros((4, 5, 5)), verbose=0)
    if keras.backend.backend() != "jax":  # on JAX no model survives an error in fit
        unmerge(model)
        model.fit(x, np.zeros((4, 5, 5)), verbose=0)


def test_keras_weight_files_keep_the_adapter(tmp_path) -> None:
    model, x = one_layer("query")
    apply(model, LoRAConfig(("layer",)))
    small.randomize_adapters(model)
    expected = model.predict(x, verbose=0)
    model.save_weights(tmp_path / "all.weights.h5")
    small.randomize(model.weights, seed=9)
    model.load_weights(tmp_path / "all.weights.h5")
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rank": 0}, "rank must be a whole number from 1 to 4096, got 0"),
        ({"rank": 5000}, "got 5000"),
        ({"rank": 2.0}, "got 2.0"),
        ({"rank": True}, "got True"),
        ({"alpha": 0}, "alpha must be a number above 0, got 0"),
        ({"alpha": math.nan}, "got nan"),
        ({"alpha": math.inf}, "got inf"),
        ({"dropout": 1.0}, "dropout must be a share from 0 to below 1, got 1.0"),
        ({"dropout": -0.1}, "got -0.1"),
        ({"rank_stabilized": "yes"}, "must be true or false"),
        ({"bias": "some"}, "bias must be 'none' or 'all' or 'lora_only', got 'some'"),
        ({"modules_to_save": [3]}, "modules_to_save must be a list of patterns"),
        ({"targets": "query"}, "write \\['query'\\]"),
    ],
)
def test_bad_settings_are_refused(values: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LoRAConfig(**{"targets": ("query",), **values})
