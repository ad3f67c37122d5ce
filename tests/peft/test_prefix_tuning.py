"""Prefix tuning: the battery beside PEFT, and what is its own."""

import json
import math

import keras
import numpy as np
import onnxruntime
import peft as hugging_face_peft
import pytest
import safetensors.numpy
import torch

from harness import classifiers, peft_twins, small
from harness.method_case import MethodCase
from kerasft import layers, peft
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft import PrefixTuningConfig
from kerasft.runtimes.onnx.write import write_onnx

TOKENS = 4
FIELDS = ("token_dim", "num_layers", "num_attention_heads", "num_transformer_submodules")


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


class TestPrefixTuning(MethodCase):
    method = PrefixTuningConfig
    options = {"num_virtual_tokens": TOKENS}
    targets = ("self_attention_layer",)
    trains = ("prefix_keys", "prefix_values")
    trained = 2 * TOKENS * 16
    resumed = ({}, {"prefix_projection": True, "encoder_hidden_size": 8})
    changes_at_once = True

    @pytest.fixture(scope="class", params=["bert"])  # PEFT has no prefixes for a DistilBERT
    def checkpoint(self, request, tmp_path_factory):
        return self.write_checkpoint(request.param, tmp_path_factory)

    @staticmethod
    def theirs(kind: str, **options) -> hugging_face_peft.PrefixTuningConfig:
        return hugging_face_peft.PrefixTuningConfig(
            task_type="SEQ_CLS", num_virtual_tokens=TOKENS, **options
        )

    def test_a_file_that_does_not_fit_is_refused(self, checkpoint, tmp_path):
        _, directory = checkpoint
        self.reference(directory, "bert").save_pretrained(tmp_path)
        weights, config = tmp_path / "adapter_model.safetensors", tmp_path / "adapter_config.json"
        tensors = safetensors.numpy.load_file(weights)
        fields = json.loads(config.read_text())
        ours = peft_twins.ours(directory)

        def refused(message: str, model=ours, changed=None, without=(), **changes) -> None:
            kept = {name: each for name, each in tensors.items() if name not in without}
            safetensors.numpy.save_file({**kept, **(changed or {})}, weights)
            config.write_text(json.dumps({**fields, **changes}))
            with pytest.raises(AdapterError, match=message) as caught:
                peft.load_adapter(model, tmp_path)
            assert str(tmp_path) in str(caught.value)
            assert not peft.adapted_layers(model) and all(w.trainable for w in model.weights)

        refused(
            "num_virtual_tokens of prefix tuning must be a whole number from 1",
            num_virtual_tokens=0,
        )
        refused(r"of shape \(4, 96\), but .* ask for \(5, 96\)", num_virtual_tokens=5)
        for shape in ((4, 64), (4,), (3, 96)):
            array = np.zeros(shape, "float32")
            refused("holds 'prompt_embeddings' of shape", changed={"prompt_embeddings": array})
        refused("there is nothing to load", without=["prompt_embeddings"])
        refused("Prefix tuning, for which this model has no layers in PEFT", classifiers.build())
        refused("is of peft_type 'CARTRIDGE'; only", peft_type="CARTRIDGE")
        refused("task 'TOKEN_CLS', but this model", task_type="TOKEN_CLS")
        wide = np.zeros((64, 96), "float32")
        refused(
            "A prefix of 64 tokens leaves no position for a text, as the model has 64",
            changed={"prompt_embeddings": wide}, num_virtual_tokens=64,
        )  # fmt: skip

    @pytest.mark.parametrize("projected", [False, True])
    def test_logits_and_gradients_equal_the_reference(self, checkpoint, projected):
        """With the network that makes the prefixes, and without."""
        _, directory = checkpoint
        options = {"prefix_projection": projected, "encoder_hidden_size": 7}
        torch.manual_seed(0)
        theirs = hugging_face_peft.get_peft_model(
            peft_twins.theirs(directory), self.theirs("bert", **options)
        ).eval()
        encoder = theirs.prompt_encoder["default"]
        ours = peft_twins.ours(directory)
        peft.apply(ours, self.config(**options))
        attention = peft.adapted_layers(ours)
        assert len(attention) == 3

        def by_their_names(values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            """Arrays of ours, by path, as PEFT's encoder has them."""

            def of(name: str) -> list[np.ndarray]:
                return [values[getattr(layer, name).path] for layer in attention]

            if not projected:
                pairs = zip(of("prefix_keys"), of("prefix_values"), strict=True)
                flat = [each.reshape(TOKENS, -1) for pair in pairs for each in pair]
                return {"embedding.weight": np.concatenate(flat, axis=1)}
            outer = [each.reshape(7, -1) for each in of("prefix_outer")]
            bias = [each.reshape(-1) for each in of("prefix_outer_bias")]
            return {
                "embedding.weight": of("prefix_tokens")[0],
                "transform.0.weight": of("prefix_inner")[0].T,
                "transform.0.bias": of("prefix_inner_bias")[0],
                "transform.2.weight": np.concatenate(outer, axis=1).T,
                "transform.2.bias": np.concatenate(bias),
            }

        small.randomize(ours.trainable_weights, seed=3, scale=0.7)
        mine = by_their_names(small.snapshot(ours.trainable_weights))
        encoder.load_state_dict({name: torch.tensor(each) for name, each in mine.items()})
        np.testing.assert_allclose(small.logits(ours), peft_twins.logits(theirs), atol=1e-5)

        labels = torch.tensor(small.LABELS, dtype=torch.long)
        theirs(
            input_ids=peft_twins.IDS, attention_mask=peft_twins.MASK, labels=labels
        ).loss.backward()
        found = small.gradients(
            ours, small.TOKENS, small.LABELS,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )  # fmt: skip
        found = by_their_names(found)
        assert max(np.abs(each).max() for each in found.values()) > 1e-2
        for name, parameter in encoder.named_parameters():
            np.testing.assert_allclose(found[name], parameter.grad.numpy(), atol=1e-4, err_msg=name)

    @pytest.mark.parametrize("projected", [False, True])
    def test_files_go_to_peft_and_come_from_it(self, checkpoint, projected, tmp_path):
        _, directory = checkpoint
        options = {"prefix_projection": projected, "encoder_hidden_size": 7}
        torch.manual_seed(0)
        theirs = hugging_face_peft.get_peft_model(
            peft_twins.theirs(directory), self.theirs("bert", **options)
        ).eval()
        theirs.save_pretrained(tmp_path / "theirs")
        ours = peft_twins.ours(directory)
        report = peft.load_adapter(ours, tmp_path / "theirs")
        assert len(report.adapted) == 3 and report.trained_in_full == ("classifier",)
        np.testing.assert_allclose(peft_twins.logits(ours), peft_twins.logits(theirs), atol=1e-5)
        # And what we train, with the pooler, which PEFT's own head leaves out.
        ours = peft_twins.ours(directory)
        peft.apply(ours, self.config(**options, modules_to_save=ours.head_layers))
        small.randomize(ours.trainable_weights, scale=0.5)
        peft.save_adapter(ours, tmp_path / "ours", str(directory))
        again = peft_twins.with_adapter(directory, tmp_path / "ours")
        np.testing.assert_allclose(peft_twins.logits(again), peft_twins.logits(ours), atol=1e-5)
        fields, wanted = (
            json.loads((tmp_path / name / "adapter_config.json").read_text())
            for name in ("ours", "theirs")
        )
        assert {name: fields[name] for name in FIELDS} == {name: wanted[name] for name in FIELDS}
        folded = peft_twins.ours(directory)
        peft.load_adapter(folded, tmp_path / "ours")
        np.testing.assert_allclose(small.logits(folded), small.logits(ours), atol=1e-6)


def text(length: int) -> dict[str, np.ndarray]:
    ids = np.full((2, length), 7, "int32")
    return {"token_ids": ids, "padding_mask": ids > 0}


def test_a_prefix_takes_positions_of_a_bert_and_none_of_a_distilbert():
    """As transformers counts after cached keys, which a DistilBERT there has not."""
    model = classifiers.build("bert")  # 64 positions
    with pytest.raises(AdapterError, match="A prefix of 64 tokens leaves no position for a text"):
        peft.apply(model, PrefixTuningConfig(num_virtual_tokens=64))
    peft.apply(model, PrefixTuningConfig(num_virtual_tokens=60))
    assert model(text(4)).shape == (2, 3)
    with pytest.raises(
        ConfigError, match="texts of 5 tokens are too long: the model has 64 positi"
    ):
        model(text(5))
    model = classifiers.build()
    peft.apply(model, PrefixTuningConfig(num_virtual_tokens=80))
    assert model(text(64)).shape == (2, 3)


def test_prefixes_of_the_last_layers_are_in_a_file_of_our_own(tmp_path):
    """PEFT has one array for all layers, and does not load another."""
    model = classifiers.build("bert")
    peft.apply(model, PrefixTuningConfig(("transformer_layer_1/self_attention_layer",)))
    small.randomize(model.trainable_weights)
    peft.save_adapter(model, tmp_path / "adapter", "base")
    names = set(safetensors.numpy.load_file(tmp_path / "adapter" / "adapter_model.safetensors"))
    layer = "base_model.transformer_layer_1.self_attention_layer"
    assert names == {f"{layer}.prefix_keys", f"{layer}.prefix_values"}
    again = classifiers.build("bert")
    report = peft.load_adapter(again, tmp_path / "adapter")
    assert report.adapted == ("transformer_layer_1/self_attention_layer",)
    np.testing.assert_array_equal(small.logits(again), small.logits(model))
    assert model.backbone.first_position == 0  # it does not begin below the first layer


@pytest.mark.parametrize("kind", ["self", "multi-head"])
@pytest.mark.parametrize("projected", [False, True])
def test_one_layer_computes_the_formula(kind, projected):
    rng = np.random.default_rng(0)
    settings = {"num_virtual_tokens": 3, "prefix_projection": projected, "encoder_hidden_size": 5}
    if kind == "self":
        layer = peft.PrefixSelfAttention(8, 2, name="layer", **settings)
    else:
        layer = peft.PrefixMultiHeadAttention(8, 2, name="layer", **settings)
    layer.build((None, None, 8))
    small.randomize(layer.weights, scale=0.6)
    x, source = (rng.standard_normal((4, n, 8)).astype("float32") for n in (5, 6))
    mask = np.arange(6) < rng.integers(2, 7, 4)[:, None]
    inputs = (x, source) if kind == "self" else (x, source, source)
    found = small.numpy(layer(*inputs, attention_mask=mask[:, None, None]))

    w = {each.path.removeprefix("layer/"): small.numpy(each) for each in layer.weights}

    def project(name: str, of: np.ndarray) -> np.ndarray:
        kernel, bias = w[f"{name}/kernel"].reshape(8, 8), w[f"{name}/bias"].reshape(8)
        return (of @ kernel + bias).reshape(*of.shape[:-1], 2, 4)

    if projected:
        inner = np.tanh(w["prefix_tokens"] @ w["prefix_inner"] + w["prefix_inner_bias"])
        both = np.einsum("mi,ikhd->mkhd", inner, w["prefix_outer"]) + w["prefix_outer_bias"]
        keys, values = both[:, 0], both[:, 1]
    else:
        keys, values = w["prefix_keys"], w["prefix_values"]
    rows = np.ones((4, 1, 1, 1))
    keys = np.concatenate([rows * keys, project("key", source)], 1)  # (4, 3 + 6, 2, 4)
    values = np.concatenate([rows * values, project("value", source)], 1)
    scores = np.einsum("bthd,bshd->bhts", project("query", x), keys) / math.sqrt(4)
    visible = np.concatenate([np.ones((4, 3), bool), mask], 1)
    weights = softmax(np.where(visible[:, None, None], scores, -1e9))
    joined = np.einsum("bhts,bshd->bthd", weights, values).reshape(4, 5, 8)
    out = "attention_output" if kind == "self" else "output"
    expected = joined @ w[f"{out}/kernel"].reshape(8, 8) + w[f"{out}/bias"]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "distilbert"])
def test_onnx_runtime_says_the_same(architecture, tmp_path):
    model = classifiers.build(architecture)
    peft.apply(model, PrefixTuningConfig(num_virtual_tokens=TOKENS))
    small.randomize(model.trainable_weights)
    write_onnx(model, tmp_path / "model.onnx", model.max_length)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    for length in (9, model.max_length):
        ids = np.random.default_rng(0).integers(1, 60, (3, length)).astype("int64")
        mask = (np.arange(length) < np.array([[length], [4], [1]])).astype("int64")
        (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
        inputs = {"token_ids": ids.astype("int32"), "padding_mask": mask > 0}
        np.testing.assert_allclose(found, small.numpy(model(inputs)), atol=1e-5)


def test_a_model_of_other_layers_is_refused():
    x = keras.Input((5, 8))
    attention = keras.layers.MultiHeadAttention(2, 4, name="attention")
    model = keras.Model(x, attention(x, x))
    with pytest.raises(AdapterError, match=r"no attention layer of kerasft\.layers, which prefix"):
        peft.apply(model, PrefixTuningConfig())
    with pytest.raises(
        AdapterError, match="'attention', which is a MultiHeadAttention and not a k"
    ):
        peft.apply(model, PrefixTuningConfig(("attention",)))

    class Own(layers.SelfAttention):
        pass

    own = Own(8, 2, name="own")
    model = keras.Model(x, own(x, x))
    with pytest.raises(
        AdapterError, match="'own' cannot take a prefix because Own attends in a way of its own"
    ):
        peft.apply(model, PrefixTuningConfig())


@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"num_virtual_tokens": 0},
            "The num_virtual_tokens of .* must be a whole number from 1 to 10,000, g",
        ),
        ({"num_virtual_tokens": 10_001}, "from 1 to 10,000, got 10001"),
        ({"num_virtual_tokens": 2.0}, r"got 2\.0"),
        ({"num_virtual_tokens": True}, "got True"),
        (
            {"encoder_hidden_size": 0},
            "encoder_hidden_size of prefix tuning must be a whole number from 1",
        ),
        (
            {"prefix_projection": "yes"},
            "prefix_projection of prefix tuning must be true or false, got 'yes'",
        ),
    ],
)
def test_bad_numbers_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        PrefixTuningConfig(**options)


def test_the_network_is_shared_trains_and_is_resumed(tmp_path):
    """One network makes the prefixes of all layers; a file holds what it made."""
    model = classifiers.build()
    report = peft.apply(
        model,
        PrefixTuningConfig(
            num_virtual_tokens=TOKENS, prefix_projection=True, encoder_hidden_size=7,
            modules_to_save=model.head_layers,
        ),
    )  # fmt: skip
    shared = TOKENS * 16 + 16 * 7 + 7
    head = 16 * 17 + 17 * 3
    assert report.counts.trained - head == shared + 2 * (7 + 1) * 2 * 16
    before = small.snapshot(model.trainable_weights)
    small.compile_classifier(model, keras.optimizers.Adam(0.02))
    model.fit(small.TOKENS, small.LABELS, epochs=2, batch_size=3, verbose=0)
    assert small.moved(before, small.snapshot(model.trainable_weights)) == set(before)
    peft.save_adapter(model, tmp_path / "adapter", "base")
    again = classifiers.build()
    peft.load_adapter(again, tmp_path / "adapter")
    np.testing.assert_allclose(small.logits(again), small.logits(model), atol=1e-6)
    names = {w.path.rpartition("/")[2] for w in again.trainable_weights if "prefix" in w.path}
    assert names == {"prefix_keys", "prefix_values"}  # and these train on


def test_a_layer_can_be_constructed_and_its_model_saved(tmp_path):
    x = keras.Input((5, 8))
    layer = peft.PrefixSelfAttention(8, 2, num_virtual_tokens=3, prefix_projection=True)
    model = keras.Model(x, layer(x, x))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    inputs = np.random.default_rng(0).standard_normal((4, 5, 8)).astype("float32")
    assert again.layers[-1].adapter.settings == layer.adapter.settings
    np.testing.assert_array_equal(
        again.predict(inputs, verbose=0), model.predict(inputs, verbose=0)
    )
