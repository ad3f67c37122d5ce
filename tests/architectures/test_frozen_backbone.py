"""A model in two parts computes what the whole computes, forwards and backwards."""

import keras
import numpy as np
import pytest

from harness import frozen_backbones, gradients
from kerasft import backends, peft

KINDS = {
    "mean": lambda: frozen_backbones.encoder("distilbert", pooling="mean"),
    "head, mean": lambda: frozen_backbones.head_only("bert", "mean"),
    "head, first": lambda: frozen_backbones.head_only("distilbert", "first"),
    "t5": lambda: frozen_backbones.t5(
        gated=True, activation="gelu_approximate", tie_embeddings=False, scale_outputs=False
    ),
    "umt5": lambda: frozen_backbones.t5(bias_per_block=True),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(kind, marks=[pytest.mark.any_backend] * (kind in ("head, mean", "umt5")))
        for kind in KINDS
    ],
)
def parts(request):
    """A model, its trunk, its inputs, and where its outputs count."""
    model = KINDS[request.param]()
    if request.param.endswith("t5"):
        return model, model.frozen_backbone(), frozen_backbones.pairs(), np.ones((4, 5, 1), bool)
    inputs = frozen_backbones.batch()
    return model, model.frozen_backbone(), inputs, np.ones((4, 1), bool)


def hidden_of(trunk, inputs: dict) -> np.ndarray:
    """What the lower part makes, with 0 at padding, as it is kept."""
    hidden = backends.compile_forward(trunk.lower)(trunk.below(inputs))
    kept = np.zeros_like(hidden)
    for slot, ids in enumerate(trunk.tokens_of(inputs)):
        kept[slot, : trunk.positions(len(ids))] = hidden[slot, : trunk.positions(len(ids))]
    return kept


def test_values_and_gradients_are_those_of_the_whole(parts):
    model, trunk, inputs, counts = parts
    above = trunk.above(inputs, hidden_of(trunk, inputs))
    assert [v.path for v in trunk.upper.trainable_variables] == [
        v.path for v in model.trainable_variables
    ]
    assert not trunk.lower.trainable_variables
    outputs = backends.compile_forward(model)(inputs)
    upper = backends.compile_forward(trunk.upper)
    np.testing.assert_allclose(upper(above) * counts, outputs * counts, rtol=1e-5, atol=1e-5)

    direction = np.random.default_rng(3).normal(size=outputs.shape) * counts
    variables = model.trainable_variables
    of_whole, of_upper = (
        gradients.value_and_gradients(function, [], variables, direction.astype("float32"))[1]
        for function in (
            lambda: model(inputs, training=True),
            lambda: trunk.upper(above, training=True),
        )
    )
    for variable, expected, found in zip(variables, of_whole, of_upper, strict=True):
        scale = np.abs(expected).max()
        assert scale > 1e-3, variable.path
        np.testing.assert_allclose(found, expected, atol=2e-5 * scale, err_msg=variable.path)

    # Padding may hold anything.
    above["hidden"][above["hidden"] == 0] = 7.0
    np.testing.assert_allclose(upper(above) * counts, outputs * counts, rtol=1e-5, atol=1e-5)


def test_the_lower_part_is_all_that_is_frozen_below():
    model = frozen_backbones.encoder()
    trunk = model.frozen_backbone()
    assert trunk.description == "embeddings and 2 of 3 layers" and trunk.width == 8
    paths = {weight.path.split("/")[0] for weight in trunk.lower.weights}
    assert "transformer_layer_1" in paths and "transformer_layer_2" not in paths

    peft.freeze(model, model.head_layers)
    assert model.frozen_backbone().description == "embeddings and all 3 layers"
    peft.freeze(model, (*model.head_layers, "transformer_layer_0"))
    assert model.frozen_backbone() is None
    peft.freeze(model, (*model.head_layers, "token_and_position_embedding"))
    assert model.frozen_backbone() is None
    peft.unfreeze(model)
    assert model.frozen_backbone() is None


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_under_a_head_alone_one_vector_a_text_is_made(pooling):
    model = frozen_backbones.head_only("bert", pooling)
    trunk, inputs = model.frozen_backbone(), frozen_backbones.batch()
    made = keras.ops.convert_to_numpy(trunk.lower(inputs))
    assert made.shape == (4, 1, 8) and (trunk.positions(12), trunk.positions(0)) == (1, 0)
    hidden = keras.ops.convert_to_numpy(model.backbone(inputs))
    wanted = hidden[:, 0]
    if pooling == "mean":
        rows = zip(hidden, inputs["padding_mask"], strict=True)
        wanted = np.stack([row[mask].mean(axis=0) for row, mask in rows])
    np.testing.assert_allclose(made[:, 0], wanted, rtol=1e-5, atol=1e-5)

    # A head on each token keeps each token, and what is kept for one is not taken for another.
    tagger = frozen_backbones.encoder(tagger=True)
    peft.freeze(tagger, tagger.head_layers)
    assert tagger.frozen_backbone().positions(12) == 12
    other = frozen_backbones.head_only(
        "bert", {"first": "mean", "mean": "first"}[pooling]
    ).frozen_backbone()
    assert other.digest({}) != trunk.digest({})


def test_of_a_t5_everything_below_must_be_frozen():
    model = frozen_backbones.t5()
    assert model.frozen_backbone().description == "embeddings and 2 of 3 layers of the encoder"
    for pattern in ("shared", "encoder/relative_position_bias", "encoder/block_0"):
        peft.freeze(model, (pattern, "encoder/block_2"))
        assert model.frozen_backbone() is None, pattern
    peft.freeze(model, ("decoder/block_0",))
    assert model.frozen_backbone().layers == 2, "an adapter that is frozen is not copied"
    peft.remove(model)
    peft.freeze(model, ("decoder/block_0",))
    assert model.frozen_backbone().description == "embeddings and all 3 layers of the encoder"


def rates(layer) -> set[float]:
    """The dropout rates within a layer."""
    return {part.rate for part in layer._flatten_layers() if isinstance(part, keras.layers.Dropout)}


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_frozen_layers_are_still(kind):
    model = frozen_backbones.encoder(kind, dropout=0.5)
    assert model.still_frozen() == 2
    for layer in model.backbone.layers:
        if layer.name != "transformer_layer_2":
            assert rates(layer) <= {0.0}, layer.name
    assert 0.5 in rates(model.get_layer("backbone").get_layer("transformer_layer_2"))
    assert rates(model.get_layer("head_dropout")) == {0.5}
    lower = model.frozen_backbone().lower
    again = [
        keras.ops.convert_to_numpy(lower(frozen_backbones.batch(), training=True)) for _ in "ab"
    ]
    np.testing.assert_array_equal(*again)

    model = frozen_backbones.encoder(kind, dropout=0.5)
    peft.unfreeze(model)
    assert model.still_frozen() == 0 and 0.5 in rates(model.backbone)


def test_frozen_parts_of_a_t5_are_still():
    model = frozen_backbones.t5(dropout=0.5)
    assert model.still_frozen() == 3
    assert rates(model.encoder.blocks[2]) == {0.5}
    assert rates(model.decoder) | rates(model.encoder.blocks[0]) | {model.dropout.rate} == {0.0}


def test_the_digest_knows_weights_shape_and_type():
    model = frozen_backbones.encoder()
    trunk = model.frozen_backbone()
    first = trunk.digest({"dtype": "float16"})
    assert len(first) == 64 and model.frozen_backbone().digest({"dtype": "float16"}) == first
    assert trunk.digest({"dtype": "float32"}) != first
    head = model.get_layer("classifier").kernel
    head.assign(head + 1.0)  # above the trunk: of no matter
    assert trunk.digest({"dtype": "float16"}) == first
    weight = trunk.lower.weights[-1]
    weight.assign(weight + 1e-6)
    assert trunk.digest({"dtype": "float16"}) != first
    peft.freeze(model, (*model.head_layers, "transformer_layer_1"))
    assert model.frozen_backbone().digest({"dtype": "float16"}) != first
