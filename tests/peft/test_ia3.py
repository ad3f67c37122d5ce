"""IA3: the battery, and what is its own."""

import keras
import peft as hugging_face_peft
import pytest

from harness import small
from harness.method_case import MethodCase
from harness.one_layer import assert_saved_by_keras
from kerasft.errors import AdapterError
from kerasft.peft import IA3Config, IA3Dense, IA3EinsumDense, apply

THEIRS = {
    "distilbert": {
        "target_modules": ["k_lin", "v_lin", "lin2"],
        "feedforward_modules": ["lin2"],
    },
    "bert": {
        "target_modules": r".*layer\.\d+\.(attention\.self\.(key|value)|output\.dense)",
        "feedforward_modules": r".*layer\.\d+\.output\.dense",
    },
}


class TestIA3(MethodCase):
    method = IA3Config
    targets = ("key", "value", "feedforward_output_dense")
    trains = ("ia3_l",)
    trained = 16 + 16 + 32
    variants = ({}, {"feedforward": ("layer",)})
    t5_targets = ("k", "v", "wo")

    @staticmethod
    def theirs(kind: str) -> hugging_face_peft.IA3Config:
        return hugging_face_peft.IA3Config(task_type="SEQ_CLS", **THEIRS[kind])

    def formula(self, x, w, b, layer):
        scale = small.numpy(layer.ia3_l).reshape(-1)
        if layer.adapter.settings.feedforward:
            return (x * scale) @ w + b
        return (x @ w + b) * scale


@pytest.mark.parametrize(
    ("equation", "output", "bias", "reason"),
    [
        ("abc,bcd->abd", (4, 5), None, "index 'b' is in input, kernel and output"),
        ("abc,cd->adb", (5, 4), None, "does not end in the dimensions to be scaled"),
        ("abc,cde->abde", (4, 2, 5), "e", "its bias has not all of them; leave it out"),
    ],
)
def test_other_equations_are_refused(equation, output, bias, reason):
    x = keras.Input((4, 6))
    layer = keras.layers.EinsumDense(equation, output, bias_axes=bias, name="layer")
    model = keras.Model(x, layer(x))
    with pytest.raises(AdapterError, match=rf"'layer'.*{reason}"):
        apply(model, IA3Config(("layer",)))
    assert type(model.get_layer("layer")) is keras.layers.EinsumDense


def test_a_feedforward_pattern_that_means_no_target_is_refused():
    model = small.dense_model()
    config = IA3Config(("first",), feedforward=("second",))
    with pytest.raises(AdapterError, match="feedforward pattern 'second' matches none of the 1 t"):
        apply(model, config)
    apply(model, IA3Config(("first",)))  # the usual pattern may mean none


@pytest.mark.parametrize(
    "layer",
    [
        lambda: IA3Dense(5, feedforward=True, activation="relu", name="layer"),
        lambda: IA3EinsumDense("ab,bc->ac", (5,), bias_axes="c", name="layer"),
    ],
)
def test_a_layer_can_be_constructed_and_its_model_saved(layer, tmp_path):
    assert_saved_by_keras(layer(), tmp_path / "model.keras")
