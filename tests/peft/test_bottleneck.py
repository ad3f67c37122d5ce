"""Bottleneck adapters: the battery, and AdapterHub's numbers (see tests/golden)."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from harness import classifiers, small, text_models
from harness.gradients import value_and_gradients
from harness.method_case import MethodCase
from harness.one_layer import EQUATIONS, as_matrix, one_layer
from kerasft.architectures import (
    Classifier,
    T5Architecture,
    build_transformer,
    config_to_arguments,
    load_tensors,
)
from kerasft.errors import AdapterError, ConfigError
from kerasft.exports.engines import make_export
from kerasft.peft import BottleneckConfig, apply, load_adapter, save_adapter
from kerasft.peft.modules import modules_of
from kerasft.predict import Predictor
from kerasft.tasks import load

ADAPTERHUB = Path(__file__).parents[1] / "golden" / "adapterhub.safetensors"
STYLES = ("houlsby", "pfeiffer", "parallel")
# AdapterHub's places, and ours.
PLACES = {
    r"bert\.encoder\.layer\.(\d)\.attention\.output": r"transformer_layer_\1.self_attention",
    r"bert\.encoder\.layer\.(\d)\.output": r"transformer_layer_\1.feedforward",
    r"distilbert.*\.(\d)\.attention_adapters": r"transformer_layer_\1.self_attention",
    r"distilbert.*\.(\d)\.output_adapters": r"transformer_layer_\1.feedforward",
    r"(en|de)coder\.block\.(\d)\.layer\.0": r"t5.\1coder.block_\2.self_attention",
    r"(en|de)coder\.block\.(\d)\.layer\.[12]": r"t5.\1coder.block_\2.feed_forward",
}


def our_name(theirs: str) -> str:
    """The name of an adapter's array in a file of ours."""
    for place, ours in PLACES.items():
        if re.match(rf"{place}\.adapter_", theirs):
            return re.sub(rf"^{place}\.", rf"{ours}_residual.", theirs)
    raise KeyError(theirs)


def golden(family: str, style: str) -> tuple[keras.Model, dict, dict, dict]:
    """A model of AdapterHub's without its adapters, its inputs, and what is under the style."""
    tensors = safetensors.numpy.load_file(ADAPTERHUB)
    with safetensors.safe_open(ADAPTERHUB, "np") as file:
        config = json.loads(file.metadata()[family])

    def under(start: str) -> dict[str, np.ndarray]:
        start = f"{family}/{start}/"
        return {n.removeprefix(start): a for n, a in tensors.items() if n.startswith(start)}

    inputs = under("inputs")
    if family == "t5":
        model, _ = T5Architecture().load(config, under("model"))
        ids = {"source_ids": inputs["input_ids"], "target_ids": inputs["decoder_input_ids"]}
    else:
        model = Classifier(*config_to_arguments(config), num_labels=3, pooling="first")
        load_tensors(model, under("model"))
        mask = inputs["attention_mask"].astype(bool)
        ids = {"token_ids": inputs["input_ids"], "padding_mask": mask}
    return model, ids, inputs["direction"], under(style)


class TestBottleneck(MethodCase):
    method = BottleneckConfig
    options = {"reduction_factor": 4}
    targets = ("self_attention_residual", "feedforward_residual")
    trains = ("adapter_down", "adapter_down_bias", "adapter_up", "adapter_up_bias")
    trained = 2 * (2 * 16 * 4 + 4 + 16)
    t5_targets = ("feed_forward_residual",)

    @pytest.mark.parametrize("style", STYLES)
    @pytest.mark.parametrize("family", ["bert", "distilbert", "t5"])
    def test_logits_and_gradients_equal_the_reference(self, family, style):
        model, inputs, direction, theirs = golden(family, style)
        apply(model, BottleneckConfig(style=style, reduction_factor=4))
        slots = {}
        for module in modules_of(model, BottleneckConfig.fits).values():
            if adapter := getattr(module.layer, "adapter", None):
                for slot in BottleneckConfig.slots(module, adapter.settings):
                    slots[slot.name] = slot
        names = {n: our_name(n.removeprefix("adapter/")) for n in theirs if n.startswith("adapter")}
        assert set(names.values()) == set(slots)
        for name, ours in names.items():
            assert theirs[name].shape == slots[ours].shape
            slots[ours].write(theirs[name])
        variables = [slot.variable() for slot in slots.values()]
        logits, gradients = value_and_gradients(
            lambda: model(inputs, training=False), [], variables, direction
        )
        np.testing.assert_allclose(logits, theirs["logits"], atol=1e-5, rtol=1e-5)
        found = dict(zip(slots, gradients, strict=True))
        for name, ours in names.items():
            expected = theirs[name.replace("adapter/", "gradient/", 1)]
            gradient = slots[ours].to_file(found[ours])
            np.testing.assert_allclose(gradient, expected, atol=1e-4, rtol=1e-4, err_msg=ours)

    def test_files_go_to_peft_and_come_from_it(self, tmp_path):
        """PEFT has no such method: the files are ours, with AdapterHub's names of the arrays."""
        model = self.adapted()
        save_adapter(model, tmp_path / "a", "base")
        names = set(safetensors.numpy.load_file(tmp_path / "a" / "adapter_model.safetensors"))
        place = "base_model.model.transformer_layer_1.{}_residual.adapter_{}"
        assert {name for name in names if "classifier" not in name} == {
            place.format(sublayer, array)
            for sublayer in ("self_attention", "feedforward")
            for array in ("down.0.weight", "down.0.bias", "up.weight", "up.bias")
        }
        fields = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
        assert {name: fields[name] for name in BottleneckConfig.peft_fields} == {
            "style": "houlsby", "reduction_factor": 4, "non_linearity": "silu", "scaling": 1.0,
        }  # fmt: skip
        for changes, message in (
            ({"style": None}, "A bottleneck's style must be one of houlsby, .* not None"),
            ({"non_linearity": "x"}, "non_linearity must be one of gelu, .* not 'x'"),
            ({"reduction_factor": 8}, r"of shape \(4, 16\), but this .* ask for \(2, 16\)"),
        ):
            text = json.dumps({**fields, **changes})
            (tmp_path / "a" / "adapter_config.json").write_text(text)
            with pytest.raises(AdapterError, match=message):
                load_adapter(classifiers.build(), tmp_path / "a")


@pytest.mark.parametrize("style", STYLES)
def test_behind_and_beside_a_projection(style):
    for kind in EQUATIONS:
        model, x = one_layer(kind, activation="tanh")
        plain, w = small.numpy(model(x)), as_matrix(model.get_layer("layer"))
        config = BottleneckConfig(("layer",), style, reduction_factor=2, non_linearity="relu")
        if kind in ("query", "kernel in another order") or (style, kind) == ("parallel", "output"):
            with pytest.raises(AdapterError, match="not the last dimension alone in its equation"):
                apply(model, config)
            continue
        apply(model, config)
        np.testing.assert_array_equal(small.numpy(model(x)), plain)
        small.randomize(model.trainable_weights, seed=3, scale=0.5)
        d, d_bias, u, u_bias = map(small.numpy, model.trainable_weights)
        x = x.reshape(-1, len(w)) if (read_input := style == "parallel") else x
        h = plain.reshape(-1, plain.shape[-1])
        z = np.maximum((x if read_input else h) @ d + d_bias, 0) @ u + u_bias
        found = small.numpy(model(x.reshape((*plain.shape[:-1], -1)) if read_input else x))
        scaling = 4.0 if read_input else 1.0
        np.testing.assert_allclose(found.reshape(h.shape), h + scaling * z, atol=1e-5)
        assert d.shape == (6 if read_input else 5, 3 if read_input else 2)


def test_a_model_of_dense_layers_is_saved_in_either_format(tmp_path):
    model = small.dense_model(units=12)
    with pytest.raises(AdapterError, match="no residual connections of kerasft's layers, where"):
        apply(model, BottleneckConfig())
    apply(model, BottleneckConfig(("first",), "parallel", modules_to_save=("second",)))
    small.randomize(model.trainable_weights)
    x = np.random.default_rng(0).standard_normal((3, 4)).astype("float32")
    expected = small.numpy(model(x))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(small.numpy(again(x)), expected)
    save_adapter(model, tmp_path / "adapter", "")
    fresh = small.dense_model(units=12)
    fresh.get_layer("first").set_weights(model.get_layer("first").get_weights()[:2])
    load_adapter(fresh, tmp_path / "adapter")
    np.testing.assert_array_equal(small.numpy(fresh(x)), expected)


@pytest.mark.parametrize("norm_first", [True, False], ids=["normalized first", "normalized last"])
@pytest.mark.parametrize("style", STYLES)
def test_a_transformer_writes_token_by_token_what_it_scores_at_once(style, norm_first):
    keras.utils.set_random_seed(0)
    model = build_transformer(20, 20, 9, 9, 16, 2, 2, 0.0, 24, norm_first=norm_first)
    source, target = np.array([[5, 6, 7, 1]]), np.array([[2, 9, 8, 4, 6]])
    batch = {"source_ids": source, "target_ids": target}
    plain = small.numpy(model(batch))
    report = apply(model, BottleneckConfig(style=style))
    sublayers = {path.rpartition("/")[2] for path in report.adapted}
    usual = {"feed_forward_residual", *(["self_attention_residual"] if style == "houlsby" else [])}
    assert sublayers == usual and len(report.adapted) == 4 * len(usual)
    np.testing.assert_array_equal(small.numpy(model(batch)), plain)
    small.randomize(model.trainable_weights)
    expected = small.numpy(model(batch))
    assert np.abs(expected - plain).max() > 0.1
    state = model.start_decoding(source, 5)
    for position in range(5):
        visible = np.arange(5)[None, None] <= position
        scores, state = model.decode_step(
            state, keras.ops.convert_to_tensor(target[:, position : position + 1]),
            keras.ops.convert_to_tensor(visible), position,
        )  # fmt: skip
        np.testing.assert_allclose(small.numpy(scores)[:, 0], expected[:, position], atol=1e-5)


@pytest.mark.parametrize(
    ("family", "style"), zip(("bert", "distilbert", "bert"), STYLES, strict=True)
)
def test_a_folder_says_the_same_and_its_graph_holds_the_adapters(family, style, tmp_path):
    model = classifiers.build(family)
    plain = classifiers.logits(model)
    apply(model, BottleneckConfig(style=style, modules_to_save=model.head_layers))
    small.randomize([w for w in model.trainable_weights if "/adapter_" in w.path], scale=0.5)
    folder, logits = classifiers.save(tmp_path / "run", model)
    assert np.abs(logits - plain).max() > 0.1
    np.testing.assert_array_equal(classifiers.logits(load(folder).model), logits)
    make_export(folder, "onnx")
    for engine in ("keras", "onnx"):
        found = Predictor(folder, engine).predict(classifiers.TEXTS)
        probabilities = [list(each.probabilities.values()) for each in found]
        expected = small.numpy(keras.ops.softmax(logits))
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize("style", STYLES)
def test_a_text_to_text_model_writes_from_its_folder(style, tmp_path):
    model = text_models.build()
    plain = text_models.logits(model)
    apply(model, BottleneckConfig(style=style))
    small.randomize(model.trainable_weights, scale=0.5)
    folder, logits = text_models.save(tmp_path / "run", model)
    assert np.abs(logits - plain).max() > 0.5
    again = load(folder).model
    np.testing.assert_array_equal(text_models.logits(again), logits)
    inputs = text_models.inputs()
    state = again.start_decoding(inputs["source_ids"], 2)
    for position in range(2):
        scores, state = again.decode_step(
            state,
            keras.ops.convert_to_tensor(inputs["target_ids"][:, position : position + 1]),
            keras.ops.convert_to_tensor(np.arange(2)[None, None] <= position),
            position,
        )
        expected = small.numpy(keras.ops.log_softmax(logits[:, position]))
        np.testing.assert_allclose(small.numpy(scores)[:, 0], expected, atol=1e-4)
    if style == "houlsby":
        greedy = Predictor(folder, task="topics", beam_size=1)
        assert len({each.output for each in greedy.predict(text_models.SOURCES)}) > 1


@pytest.mark.any_backend
def test_values_that_cannot_work():
    for options, message in (
        ({"style": "pfeifer"}, "style must be one of houlsby, pfeiffer, parallel, not 'pfeifer'"),
        ({"non_linearity": "swish"}, "must be one of gelu, gelu_approximate, .* not 'swish'"),
        ({"reduction_factor": 0}, "reduction_factor must be a number above 0, got 0"),
        ({"reduction_factor": True}, "reduction_factor must be a number above 0, got True"),
        ({"scaling": float("inf")}, "scaling must be a number above 0, got inf"),
    ):
        with pytest.raises(ConfigError, match=message):
            BottleneckConfig(**options)
