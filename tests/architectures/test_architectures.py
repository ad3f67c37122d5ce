"""What an encoder is made from."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasft.architectures import ENCODERS, EncoderArguments, find_encoder
from kerasft.errors import ConfigError, FolderError

TINY = EncoderArguments(
    vocab_size=50,
    num_layers=2,
    num_heads=2,
    hidden_size=8,
    intermediate_size=12,
    max_length=16,
    dropout=0.3,
    attention_dropout=0.2,
    num_segments=2,
    activation="relu",
    layer_norm_epsilon=1e-5,
)

# Where transformers' dropout behind attention and behind the feed-forward part is not `dropout`.
RATES = {"albert": (0.3, 0.0), "distilbert": (0.0, 0.3), "modernbert": (0.2, 0.0)}


def for_architecture(name: str, **changes) -> EncoderArguments:
    sizes = {key: value for key, value in TINY.to_dict().items() if key != "num_segments"}
    return find_encoder(name).new_arguments(pad_id=1, **{**sizes, **changes})


@pytest.fixture(scope="module", params=sorted(ENCODERS))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def backbone(name):
    return find_encoder(name).build(for_architecture(name))


def test_arguments_survive_json():
    assert EncoderArguments.from_dict(TINY.to_dict()) == TINY


def test_numbers_are_set_in_every_layer(name, backbone):
    parts = {layer.name: layer for layer in backbone._flatten_layers()}
    assert parts["embeddings_layer_norm"].epsilon == 1e-5
    assert parts["embeddings_dropout"].rate == 0.3
    after_attention, after_feedforward = RATES.get(name, (0.3, 0.3))
    for block in backbone.blocks:
        for residual in (block.attention_residual, block.feedforward_residual):
            assert residual.norm.epsilon == 1e-5 if residual.norm.weights else name == "modernbert"
        assert block.attention.dropout.rate == 0.2
        assert block.attention_residual.dropout.rate == after_attention
        assert block.feedforward_residual.dropout.rate == after_feedforward
        found = block.activation(np.array([-1.0, 2.0], "float32"))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), [0.0, 2.0])


def test_gelu_is_exact_unless_asked_otherwise(name):
    x = np.array([-2.0], "float32")
    # Gaussian error function and tanh approximation at -2 (Hendrycks and Gimpel 2016, section 2).
    for activation, value in [("gelu", -0.04550026), ("gelu_approximate", -0.04540229)]:
        built = find_encoder(name).build(for_architecture(name, activation=activation))
        found = keras.ops.convert_to_numpy(built.blocks[0].activation(x))
        np.testing.assert_allclose(found, value, atol=1e-6)


def test_parameters_are_counted(name, backbone):
    weights = sum(int(np.prod(weight.shape)) for weight in backbone.weights)
    assert for_architecture(name).parameter_count == weights


def test_weights_can_be_left_out(name, backbone):
    empty = find_encoder(name).build(for_architecture(name), initialize=False)
    matrices = []
    for weight, drawn in zip(empty.weights, backbone.weights, strict=True):
        values = keras.ops.convert_to_numpy(weight)
        assert weight.path == drawn.path
        if len(weight.shape) > 1 and "bias" not in weight.path:
            assert not values.any()
            matrices.append(keras.ops.convert_to_numpy(drawn))
            assert matrices[-1].std() > 0.005
    # Each is drawn by itself.
    assert len({matrix.tobytes() for matrix in matrices}) == len(matrices)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_layers": 0}, "num_layers must be between 1 and"),
        ({"num_layers": 10_000}, "num_layers must be between 1 and"),
        ({"hidden_size": 8.0}, "hidden_size must be int, not 8.0"),
        ({"hidden_size": True}, "hidden_size must be int, not True"),
        ({"vocab_size": "50"}, "vocab_size must be int, not '50'"),
        ({"num_heads": 3}, "num_heads (3) must divide hidden_size (8)"),
        ({"dropout": 1.0}, "dropout must be at least 0 and less than 1"),
        ({"attention_dropout": -0.1}, "attention_dropout must be"),
        ({"dropout": float("nan")}, "dropout must be"),
        ({"layer_norm_epsilon": 0.0}, "layer_norm_epsilon must be between"),
        ({"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon must be between"),
        ({"activation": "swish!"}, "activation 'swish!' is not one of gelu"),
        ({"activation": 3}, "activation must be str"),
        ({"hidden_size": 20_000, "num_heads": 1, "num_layers": 200}, "over the limit"),
        ({"colour": 1}, "unknown encoder arguments: colour"),
    ],
)
def test_bad_arguments_are_named(changes, words):
    with pytest.raises(FolderError) as caught:
        EncoderArguments.from_dict({**TINY.to_dict(), **changes}, FolderError)
    assert words in str(caught.value)


def test_missing_arguments_are_named():
    values = TINY.to_dict()
    del values["num_heads"], values["hidden_size"]
    with pytest.raises(ConfigError, match="missing encoder arguments: hidden_size, num_heads"):
        EncoderArguments.from_dict(values)


@pytest.mark.parametrize(
    ("architecture", "segments", "words"),
    [
        ("gpt2", 0, "'gpt2' is not supported; it must be one of albert, bert"),
        ("bert", 0, "num_segments must be at least 1 for bert"),
        ("distilbert", 2, "num_segments must be 0 for distilbert"),
    ],
)
def test_impossible_encoders_are_refused(architecture, segments, words):
    with pytest.raises(ConfigError, match=words):
        find_encoder(architecture).build(dataclasses.replace(TINY, num_segments=segments))
