"""What load_tensors accepts, lists and refuses."""

import keras
import numpy as np
import pytest

from kerasft.architectures import (
    Classifier,
    EncoderArguments,
    Entry,
    check_shapes,
    find_encoder,
    layers_by_path,
    load_tensors,
    to_tensors,
)
from kerasft.errors import PresetError

TINY = EncoderArguments(
    vocab_size=20,
    num_layers=2,
    num_heads=2,
    hidden_size=8,
    intermediate_size=12,
    max_length=16,
    num_segments=2,
)
NAMES = [
    *("albert", "bert", "deberta-v2", "distilbert", "electra", "modernbert", "mpnet", "roberta")
]
QUERY = {
    "albert": "albert.encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight",
    "electra": "electra.encoder.layer.1.attention.self.query.weight",
    "mpnet": "mpnet.encoder.layer.1.attention.attn.q.weight",
    "bert": "bert.encoder.layer.1.attention.self.query.weight",
    "deberta-v2": "deberta.encoder.layer.1.attention.self.query_proj.weight",
    "distilbert": "distilbert.transformer.layer.1.attention.q_lin.weight",
    "modernbert": "model.layers.1.attn.Wo.weight",
    "roberta": "roberta.encoder.layer.1.attention.self.query.weight",
}
DENSE_HEAD = {
    *("classifier.out_proj.weight", "classifier.out_proj.bias"),
    *("classifier.dense.weight", "classifier.dense.bias"),
}
BODY = {
    "albert": {"classifier.weight", "classifier.bias"},
    "electra": DENSE_HEAD,
    "mpnet": DENSE_HEAD,
    "bert": {"classifier.weight", "classifier.bias"},
    "distilbert": {
        *("classifier.weight", "classifier.bias"),
        *("pre_classifier.weight", "pre_classifier.bias"),
    },
    "roberta": DENSE_HEAD,
    "deberta-v2": {
        *("classifier.weight", "classifier.bias", "pooler.dense.weight", "pooler.dense.bias"),
    },
    "modernbert": {"classifier.weight", "classifier.bias", "head.dense.weight", "head.norm.weight"},
}


def arguments_of(name: str, **changes) -> EncoderArguments:
    sizes = {key: value for key, value in TINY.to_dict().items() if key != "num_segments"}
    return find_encoder(name).new_arguments(pad_id=1, **{**sizes, **changes})


def build(name: str, labels: int = 3) -> Classifier:
    return Classifier(name, arguments_of(name), labels)


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def output(model):
    """The arrays of the layer that gives the logits."""
    return [f"{model.output_module}.{each}" for each in ("weight", "bias")]


@pytest.fixture(scope="module")
def model(name):
    return build(name)


@pytest.fixture
def tensors(model):
    """Other weights than the model's, by their full names."""
    rng = np.random.default_rng(0)
    return {
        key: rng.normal(size=value.shape).astype("float32")
        for key, value in to_tensors(model).items()
    }


def assert_holds(model: Classifier, tensors: dict[str, np.ndarray]) -> None:
    found = to_tensors(model)
    for key, value in tensors.items():
        np.testing.assert_array_equal(found[key], value, err_msg=key)


def test_in_and_out_are_inverses(model, tensors):
    report = load_tensors(model, tensors)
    assert (report.new, report.unread) == ([], [])
    assert sorted(report.loaded) == sorted(tensors)
    assert_holds(model, tensors)
    assert report.describe() == [f"{len(tensors)} tensors loaded"]


def test_every_weight_of_the_model_is_in_the_table(model):
    layers = layers_by_path(model)
    mapped = {
        getattr(layers[entry.layer], parameter.attribute).path
        for entry in model.entries()
        for parameter in entry.parameters
    }
    assert mapped == {weight.path for weight in model.weights}


def test_names_without_prefix_and_old_names_are_read(name, model, tensors):
    old = {}
    for key, value in tensors.items():
        key = key.removeprefix(find_encoder(name).prefix)
        if "LayerNorm" in key:
            key = key.replace(".weight", ".gamma").replace(".bias", ".beta")
        old[key] = value
    assert any(key.endswith("LayerNorm.gamma") for key in old) or name == "modernbert"
    report = load_tensors(model, old)
    assert (report.new, report.unread) == ([], [])
    assert_holds(model, tensors)


def test_other_tensors_are_listed(model, tensors):
    extra = {"cls.predictions.bias": np.zeros(3), "embeddings.position_ids": np.zeros((1, 16))}
    report = load_tensors(model, {**tensors, **extra})
    assert report.unread == sorted(extra)
    assert report.describe()[-1] == "left unread: cls.predictions.bias, embeddings.position_ids"


def test_half_floats_become_float32(model, tensors):
    half = {key: value.astype("float16") for key, value in tensors.items()}
    load_tensors(model, half)
    assert_holds(model, {key: value.astype("float32") for key, value in half.items()})


def test_a_missing_head_is_new_and_listed(name, model, tensors):
    before = to_tensors(model)
    trunk = {key: value for key, value in tensors.items() if key not in BODY[name]}
    report = load_tensors(model, trunk)
    assert set(report.new) == BODY[name]
    assert_holds(model, trunk)
    assert_holds(model, {key: before[key] for key in BODY[name]})
    assert "new, so untrained: " in report.describe()[1]


def test_a_head_of_other_labels_is_new_and_listed(name, output, tensors):
    model = build(name, labels=5)
    report = load_tensors(model, tensors)
    assert report.new == output
    assert sorted(report.unread) == sorted(output)
    assert_holds(model, {key: value for key, value in tensors.items() if key not in output})


def test_half_of_a_layer_is_not_loaded(model, output, tensors):
    weight, bias = output
    del tensors[bias]
    before = to_tensors(model)
    report = load_tensors(model, tensors)
    assert report.new == output
    assert report.unread == [weight]
    assert_holds(model, {weight: before[weight]})


def test_a_missing_tensor_is_named_and_nothing_is_loaded(name, model, tensors):
    before = to_tensors(model)
    del tensors[QUERY[name]]
    with pytest.raises(PresetError) as caught:
        load_tensors(model, tensors, source="some/where")
    assert f"some/where has no tensor {QUERY[name]!r}" in str(caught.value)
    assert_holds(model, before)


@pytest.mark.parametrize("shape", [(8, 9), (8,), (9, 8), (4, 16), (2, 4, 8)])
def test_a_misshapen_tensor_is_named(name, model, tensors, shape):
    tensors[QUERY[name]] = np.zeros(shape, "float32")
    with pytest.raises(PresetError) as caught:
        load_tensors(model, tensors)
    message = str(caught.value)
    assert repr(QUERY[name]) in message and str(shape) in message and "(8, 8)" in message


def test_a_misshapen_head_is_named(model, output, tensors):
    tensors[output[0]] = np.zeros((3, 9), "float32")
    with pytest.raises(PresetError, match=r"classifier\..*weight.*\(3, 9\).*\(3, 8\)"):
        load_tensors(model, tensors)


def test_shapes_are_checked_without_a_model(name):
    """A model of this size would take 60 GB."""
    huge = arguments_of(name, num_layers=40, hidden_size=10_000)
    shapes = {key: tuple(value.shape) for key, value in to_tensors(build(name)).items()}
    with pytest.raises(PresetError, match=r"embedding.*asks for"):
        check_shapes(find_encoder(name).entries(huge, 3, "first"), shapes)


def test_only_some_entries_are_written(model, output):
    head = to_tensors(model, only=lambda entry: entry.layer == "classifier")
    assert sorted(head) == sorted(output)


@pytest.mark.parametrize(
    ("keras_shape", "in_rank"), [((6, 12), 1), ((6, 3, 4), 1), ((2, 3, 12), 2)]
)
def test_linear_layouts(keras_shape, in_rank):
    """x W^T in torch is the contraction of x with the kernel in Keras."""
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(12, 6))
    entry = Entry("module", "layer", "linear", (12, 6))
    kernel = entry.to_keras(weight, keras_shape)
    assert kernel.shape == keras_shape
    x = rng.normal(size=6)
    found = np.tensordot(x.reshape(keras_shape[:in_rank]), kernel, axes=in_rank)
    np.testing.assert_allclose(found.ravel(), weight @ x)
    np.testing.assert_array_equal(entry.to_hugging_face(kernel, entry.parameters[0]), weight)


def test_two_layers_of_one_path_are_refused():
    def dense() -> keras.Model:
        inputs = keras.Input((4,))
        return keras.Model(inputs, keras.layers.Dense(4, name="same")(inputs))

    inputs = keras.Input((4,))
    both = keras.Model(inputs, dense()(dense()(inputs)))
    with pytest.raises(ValueError, match=r"two layers of .* share the path 'same'"):
        layers_by_path(both)
