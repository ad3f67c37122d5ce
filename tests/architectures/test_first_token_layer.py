"""The last layer for the first token alone computes what the whole layer computes, from less."""

import keras
import numpy as np
import pytest

from harness import classifiers, frozen_backbones, gradients
from kerasft import backends, peft
from kerasft.architectures import Classifier, EncoderArguments, MaskedLanguageModel
from kerasft.tasks import load

# Both families are built of the same block: one of them on each backend.
CASES = [
    ("bert", 1, "lora"),
    pytest.param("distilbert", 1, "lora", marks=pytest.mark.any_backend),
]
LENGTH = frozen_backbones.batch()["padding_mask"].shape[1]


def build(kind: str = "bert", layers: int = 1, tune: str = "full", **options) -> Classifier:
    """A tiny classifier with weights of which none does next to nothing, and no dropout."""
    rates = {"dropout": 0.0, "attention_dropout": 0.0, "head_dropout": 0.0, **options}
    arguments = EncoderArguments(
        vocab_size=frozen_backbones.WORDS, num_layers=layers, num_heads=2, hidden_size=8,
        intermediate_size=12, max_length=LENGTH, num_segments=2 if kind == "bert" else 0,
        **rates,
    )  # fmt: skip
    model = Classifier(kind, arguments, num_labels=3)
    heads = model.head_layers
    if tune == "lora":
        frozen_backbones.adapt(model, "(self_attention_layer/.*|feedforward_.*_dense)", 0.0, heads)
    frozen_backbones.randomize(model, 0.2)
    return model


def whole(model: Classifier):
    """The same layers, the last one computed for all tokens."""

    class Whole(keras.Model):
        def __init__(self):
            super().__init__()
            self.model = model
            self.build()

        def build(self, input_shape=None):
            pass

        def call(self, inputs, training=None):
            hidden = model.backbone(inputs, training=training)
            return model.read_out(model.pool(hidden, inputs["padding_mask"]), training)

    return Whole()


def parts(layer) -> dict[str, keras.layers.Layer]:
    """All layers within one, by name."""
    return {part.name: part for part in layer._flatten_layers()}


@pytest.mark.parametrize(("kind", "layers", "tune"), CASES)
def test_logits_and_gradients_are_those_of_the_whole_layer(kind, layers, tune):
    model = build(kind, layers, tune)
    inputs = frozen_backbones.batch()
    assert not inputs["padding_mask"].all()
    variables = model.trainable_variables
    assert any("lora" in variable.path for variable in variables) == (tune == "lora")
    direction = np.random.default_rng(3).normal(size=(4, 3)).astype("float32")
    (expected, of_whole), (found, of_short) = (
        gradients.value_and_gradients(
            lambda each=each: each(inputs, training=True), [], variables, direction
        )
        for each in (whole(model), model)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())
    for variable, wanted, gradient in zip(variables, of_whole, of_short, strict=True):
        scale = np.abs(wanted).max()
        if variable.path.endswith("key/bias"):  # adds as much to the scores of all keys: no effect
            assert scale < 1e-5
            scale = 1.0
        assert scale > 1e-4, variable.path
        np.testing.assert_allclose(gradient, wanted, atol=1e-5 * scale, err_msg=variable.path)


@pytest.mark.any_backend
@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_dropout_is_where_the_whole_layer_has_it(kind, monkeypatch):
    """Dropout layers that multiply instead, each by another number."""
    model = build(kind, dropout=0.1, attention_dropout=0.1, head_dropout=0.1)
    inputs = frozen_backbones.batch()
    dropouts = [each for each in model._flatten_layers() if isinstance(each, keras.layers.Dropout)]
    for layer, factor in zip(dropouts, (0.5, 0.7, 1.3, 1.9, 2.3), strict=True):

        def scaled(x, training=None, factor=factor):
            return x * factor if training else x

        monkeypatch.setattr(layer, "call", scaled)

    def both(training):
        return [
            keras.ops.convert_to_numpy(each(inputs, training=training))
            for each in (whole(model), model)
        ]

    np.testing.assert_allclose(*both(True), rtol=1e-5, atol=1e-6)
    assert np.abs(both(True)[1] - both(False)[1]).max() > 1e-2


def seen(model, monkeypatch) -> dict[str, tuple]:
    """What the parts of the last layer are called with: the shape of each, as it comes."""
    shapes: dict[str, tuple] = {}
    found = parts(model)
    for name in ("query", "key", "value", "attention_output", "feedforward_output_dense"):
        layer = found[name]

        def spy(x, *rest, name=name, call=layer.call, **options):
            shapes[name] = tuple(x.shape)
            return call(x, *rest, **options)

        monkeypatch.setattr(layer, "call", spy)
    return shapes


@pytest.mark.any_backend
def test_queries_and_feed_forward_see_one_token(monkeypatch):
    model = build()
    inputs = frozen_backbones.batch()
    shapes = seen(model, monkeypatch)
    one = {
        "query": (4, 1, 8), "key": (4, LENGTH, 8), "value": (4, LENGTH, 8),
        "attention_output": (4, 1, 2, 4), "feedforward_output_dense": (4, 1, 12),
    }  # fmt: skip
    model(inputs, training=True)
    assert shapes == one
    shapes.clear()
    model.predict(inputs, verbose=0)
    assert shapes["query"][1] == shapes["feedforward_output_dense"][1] == 1

    # Who reads other tokens is given them.
    assert model.backbone(inputs).shape == (4, LENGTH, 8)
    assert shapes["query"][1] == shapes["feedforward_output_dense"][1] == LENGTH
    shapes.clear()
    positions = np.array([[1, 2]] * 4, "int32")
    assert MaskedLanguageModel(model)({**inputs, "mask_positions": positions}).shape[1] == 2
    assert shapes["feedforward_output_dense"][1] == LENGTH


@pytest.mark.parametrize("options", [{"pooling": "mean"}, {"tagger": True}])
def test_heads_that_read_all_tokens_keep_the_whole_layer(options, monkeypatch):
    model = frozen_backbones.encoder(**options)
    trunk = model.frozen_backbone()
    shapes = seen(model.backbone.get_layer("transformer_layer_2"), monkeypatch)
    inputs = frozen_backbones.batch()
    model(inputs)
    assert shapes["feedforward_output_dense"] == (4, LENGTH, 12)
    shapes.clear()
    trunk.upper(trunk.above(inputs, np.zeros((4, LENGTH, 8), "float32")))
    assert shapes["feedforward_output_dense"] == (4, LENGTH, 12)


def test_above_a_frozen_trunk_it_is_one_token_too(monkeypatch):
    model = frozen_backbones.encoder("bert")
    trunk = model.frozen_backbone()
    shapes = seen(model.backbone.get_layer("transformer_layer_2"), monkeypatch)
    trunk.upper(trunk.above(frozen_backbones.batch(), np.zeros((4, LENGTH, 8), "float32")))
    assert shapes["key"] == (4, LENGTH, 8) and shapes["feedforward_output_dense"] == (4, 1, 12)


def test_adapters_that_come_and_go_are_seen():
    model = build("distilbert", 1, "lora")
    inputs = frozen_backbones.batch()

    def logits(each) -> np.ndarray:
        return keras.ops.convert_to_numpy(each(inputs, training=False))

    with_adapters = logits(model)
    np.testing.assert_allclose(with_adapters, logits(whole(model)), rtol=1e-5, atol=1e-6)
    for variable in model.trainable_variables:
        if "lora" in variable.path:
            variable.assign(variable * 2.0)
    changed = logits(model)
    assert np.abs(changed - with_adapters).max() > 1e-2
    peft.remove(model)
    np.testing.assert_allclose(logits(model), changed, rtol=1e-4, atol=1e-5)


def test_a_folder_of_whole_layers_loads_to_the_same_logits(tmp_path):
    model = classifiers.build("bert")
    classifiers.save(tmp_path / "saved", model)
    forward = backends.compile_forward
    expected = forward(whole(model))(classifiers.inputs())
    found = forward(load(tmp_path / "saved").model)(classifiers.inputs())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
