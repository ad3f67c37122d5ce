"""LayerNorm tuning: the battery, and what is its own."""

import keras
import numpy as np
import peft as hugging_face_peft
import pytest
import safetensors.numpy

from harness import small
from harness.method_case import MethodCase
from kerasft import layers
from kerasft.errors import AdapterError
from kerasft.peft import LNTuningConfig, apply, load_adapter, merge, remove, save_adapter, unmerge

THEIRS = {
    "distilbert": ["sa_layer_norm", "output_layer_norm"],
    "bert": r".*\.layer\.\d+\..*LayerNorm",
}
# Each normalization with the names of its variables here, and what they are called in a file.
NORMALIZATIONS = {
    "LayerNormalization": (
        keras.layers.LayerNormalization, {"gamma": "weight", "beta": "bias"}
    ),
    "RMSNormalization": (keras.layers.RMSNormalization, {"scale": "weight"}),
    "ours": (layers.LayerNormalization, {"alpha": "weight", "bias": "bias"}),
    "ours of the root mean square": (layers.RootMeanSquareNormalization, {"scale": "weight"}),
}  # fmt: skip


class TestLNTuning(MethodCase):
    method = LNTuningConfig
    targets = ("norm",)
    trains = ("gamma", "beta")
    trained = 2 * (16 + 16)
    t5_targets = (".*",)

    @staticmethod
    def theirs(kind):
        return hugging_face_peft.LNTuningConfig(task_type="SEQ_CLS", target_modules=THEIRS[kind])

    @pytest.mark.parametrize("kind", NORMALIZATIONS)
    def test_one_layer_computes_the_formula_and_merges(self, kind, tmp_path):
        """Scale and shift are the layer's own: it computes what it did, and is merged as it is."""
        layer, names = NORMALIZATIONS[kind]

        def build() -> keras.Model:
            x = keras.Input((5, 6))
            y = keras.layers.Dense(3, name="head")(layer(name="norm")(x))
            return keras.Model(x, y)

        model = build()
        report = apply(model, LNTuningConfig(modules_to_save=("head",)))
        assert report.adapted == ("norm",) and report.counts.trained == 6 * len(names) + 6 * 3 + 3
        small.randomize(model.trainable_weights)
        x = np.random.default_rng(0).standard_normal((2, 5, 6)).astype("float32")
        adapted = small.numpy(model(x))
        centred = x if "weight" in names.values() and len(names) == 1 else x - x.mean(-1)[..., None]
        y = centred / np.sqrt((centred**2).mean(-1, keepdims=True))
        norm = model.get_layer("norm")
        scale, *shift = (small.numpy(getattr(norm, name)) for name in names)
        y = y * scale + sum(shift)
        head = model.get_layer("head")
        expected = y @ small.numpy(head.kernel) + small.numpy(head.bias)
        np.testing.assert_allclose(adapted, expected, atol=5e-3)  # epsilon is not in it

        save_adapter(model, tmp_path / "adapter", "")
        tensors = safetensors.numpy.load_file(tmp_path / "adapter" / "adapter_model.safetensors")
        prefix = "base_model.model."
        assert set(tensors) == {
            *(f"{prefix}norm.ln_tuning_layers.{name}" for name in names.values()),
            *(f"{prefix}head.{name}" for name in ("kernel", "bias")),
        }
        again = build()
        load_adapter(again, tmp_path / "adapter")
        np.testing.assert_array_equal(small.numpy(again(x)), adapted)
        for change in (merge, unmerge, remove):
            change(again)
            np.testing.assert_array_equal(small.numpy(again(x)), adapted)
        assert {weight.path for weight in again.trainable_weights} == {"head/kernel", "head/bias"}


def test_a_normalization_without_weights_and_another_layer_are_refused() -> None:
    x = keras.Input((6,))
    bare = keras.layers.LayerNormalization(center=False, scale=False, name="bare")
    model = keras.Model(x, keras.layers.Dense(2, name="dense")(bare(x)))
    for targets, message in (
        (("dense",), "'dense', which is a Dense and not a normalization; the model has none"),
        (("bare",), "'bare' matches no normalization; the model has none"),
    ):
        with pytest.raises(AdapterError, match=message):
            apply(model, LNTuningConfig(targets))
