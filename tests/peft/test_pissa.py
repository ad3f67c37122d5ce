"""PiSSA: the battery, and what is its own."""

from typing import ClassVar

import keras
import numpy as np
import peft as hugging_face_peft
import pytest

from harness import small
from harness.method_case import MethodCase
from harness.one_layer import as_matrix, assert_saved_by_keras, one_layer
from kerasft.errors import AdapterError
from kerasft.peft import PiSSAConfig, PiSSADense, PiSSAEinsumDense, apply

THEIRS = {"distilbert": ["q_lin", "v_lin"], "bert": ["query", "value"]}


class TestPiSSA(MethodCase):
    method = PiSSAConfig
    options: ClassVar = {"rank": 3, "alpha": 6.0, "dropout": 0.0}
    targets = ("query", "value")
    trains = ("lora_a", "lora_b")
    trained = 2 * (16 * 3 + 3 * 16)
    variants = ({}, {"rank_stabilized": True})
    t5_targets = ("q", "wo")

    @staticmethod
    def theirs(kind):
        return hugging_face_peft.LoraConfig(
            task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=THEIRS[kind],
            init_lora_weights="pissa",
        )  # fmt: skip

    def formula(self, x, w, b, layer):
        into, out = w.shape
        a, u = small.numpy(layer.lora_a), small.numpy(layer.lora_b)
        left, values, right = np.linalg.svd(w)
        rest = w - left[:, :3] * values[:3] @ right[:3]
        scale = layer.adapter.settings.scale
        return x @ (rest + scale * a.reshape(into, 3) @ u.reshape(3, out)) + b


@pytest.mark.parametrize("kind", ["dense", "output", "kernel in another order"])
def test_it_starts_with_the_principal_part_in_equal_shares(kind) -> None:
    model, _ = one_layer(kind)
    apply(model, PiSSAConfig(("layer",), rank=2, alpha=6.0, modules_to_save=()))
    layer = model.get_layer("layer")
    w = as_matrix(layer)
    a = small.numpy(layer.lora_a).reshape(len(w), 2)
    b = small.numpy(layer.lora_b).reshape(2, -1)
    values = np.linalg.svd(w, compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(3 * a @ b, compute_uv=False)[:2], values[:2], 1e-5)
    np.testing.assert_allclose(3 * a.T @ a, np.diag(values[:2]), atol=1e-5)
    np.testing.assert_allclose(3 * b @ b.T, np.diag(values[:2]), atol=1e-5)
    rest = np.linalg.norm(w - 3 * a @ b, 2)
    np.testing.assert_allclose(rest, values[2], rtol=1e-5)


def test_the_weights_of_the_base_stay_and_the_start_does_not_train() -> None:
    model, x = one_layer("query")
    before = small.snapshot(model.weights)
    apply(model, PiSSAConfig(("layer",), rank=2))
    model.compile(keras.optimizers.Adam(0.01), loss="mse")
    start = small.snapshot(model.weights)
    model.fit(x, np.ones(model(x).shape), verbose=0)
    after = small.snapshot(model.weights)
    assert small.moved(start, after) == {"layer/lora_a", "layer/lora_b"}
    assert small.moved(before, after) == set()


def test_a_rank_above_the_number_of_singular_vectors_is_refused() -> None:
    model, _ = one_layer("dense")  # 6 inputs, 5 outputs
    with pytest.raises(AdapterError, match=r"'layer' has 5 singular .* a rank of at most 5"):
        apply(model, PiSSAConfig(("layer",), rank=6))
    apply(model, PiSSAConfig(("layer",), rank=5))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: PiSSADense(5, rank=3, alpha=2.0, dropout=0.1, activation="relu", name="layer"),
        lambda: PiSSAEinsumDense("ab,bc->ac", (5,), rank=3, rank_stabilized=True, name="layer"),
    ],
)
def test_a_layer_can_be_constructed_and_its_model_saved(layer, tmp_path) -> None:
    assert_saved_by_keras(layer(), tmp_path / "model.keras")
