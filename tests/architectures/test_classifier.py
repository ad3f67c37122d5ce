"""The classifier: its paths, its inputs, its head, and padding."""

import dataclasses

import keras
import numpy as np
import pytest

from kerasft import backends
from kerasft.architectures import Classifier, EncoderArguments
from kerasft.errors import ConfigError

TINY = EncoderArguments(
    vocab_size=50,
    num_layers=2,
    num_heads=2,
    hidden_size=8,
    intermediate_size=12,
    max_length=16,
    head_dropout=0.2,
    num_segments=2,
)
KINDS = [(name, pooling) for name in ("bert", "distilbert") for pooling in ("first", "mean")]
HEADS = {
    ("bert", "first"): ("pooled_dense", "classifier"),
    ("bert", "mean"): ("classifier",),
    ("distilbert", "first"): ("pre_classifier", "classifier"),
    ("distilbert", "mean"): ("pre_classifier", "classifier"),
}


def build(name: str, pooling: str = "first", labels: int = 3, **changes) -> Classifier:
    arguments = dataclasses.replace(TINY, num_segments=2 if name == "bert" else 0, **changes)
    return Classifier(name, arguments, labels, pooling)


def batch(lengths: list[int], width: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Texts of these lengths, padded to `width`: token_ids and padding_mask (texts, width)."""
    mask = np.arange(width) < np.array(lengths)[:, None]
    ids = np.random.default_rng(seed).integers(1, 50, (len(lengths), width))
    return {"token_ids": (ids * mask).astype("int32"), "padding_mask": mask}


def sharpen(model: Classifier) -> Classifier:
    """Scales the kernels up: with the small ones of the start, attention hardly does anything."""
    for weight in model.weights:
        if "kernel" in weight.path:
            weight.assign(weight * 20.0)
    return model


@pytest.fixture(scope="module", params=KINDS, ids=["-".join(kind) for kind in KINDS])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def model(kind):
    keras.utils.set_random_seed(1)
    return sharpen(build(*kind))


def test_paths_do_not_depend_on_what_was_built_before(kind, model):
    def paths(built):
        return [weight.path for weight in built.weights]

    again = build(*kind)
    assert paths(again) == paths(model)
    assert len(set(paths(model))) == len(model.weights)
    assert "transformer_layer_1/self_attention_layer/query/kernel" in paths(model)
    assert [weight.path for weight in model.get_layer("classifier").weights] == [
        "classifier/kernel",
        "classifier/bias",
    ]
    assert model.head_layers == HEADS[kind]
    heads = {path.rsplit("/", 1)[0] for path in paths(model)} & {
        *("pooled_dense", "pre_classifier", "classifier")
    }
    assert heads == set(HEADS[kind])


def test_any_length_works_and_padding_changes_nothing(model):
    short = batch([5, 3], width=5)
    long = {name: np.pad(array, ((0, 0), (0, 11))) for name, array in short.items()}
    assert long["token_ids"].shape == (2, TINY.max_length)
    forward = backends.compile_forward(model)
    logits = forward(short)
    assert logits.shape == (2, 3) and logits.dtype == np.float32
    np.testing.assert_allclose(forward(long), logits, atol=1e-5)
    # What stands in the padding is not looked at.
    long["token_ids"] = np.where(long["padding_mask"], long["token_ids"], 7).astype("int32")
    np.testing.assert_allclose(forward(long), logits, atol=1e-5)
    # But what stands in the text is.
    short["token_ids"][0, 4] = 1 + short["token_ids"][0, 4] % 49
    assert np.abs(forward(short) - logits)[0].max() > 1e-3


def test_the_head_is_computed_as_written(kind, model):
    inputs = batch([6, 2, 4], width=6)
    hidden = keras.ops.convert_to_numpy(model.backbone(inputs, training=False))
    assert hidden.shape == (3, 6, 8)
    if kind[1] == "mean":
        pooled = np.stack([row[: int(n)].mean(0) for row, n in zip(hidden, [6, 2, 4], strict=True)])
    else:
        pooled = hidden[:, 0]
    for name in model.head_layers:
        layer = model.get_layer(name)
        pooled = pooled @ keras.ops.convert_to_numpy(layer.kernel)
        pooled = pooled + keras.ops.convert_to_numpy(layer.bias)
        pooled = {
            "pre_classifier": lambda x: np.maximum(x, 0),
            "pooled_dense": np.tanh,
            "classifier": lambda x: x,
        }[name](pooled)
    logits = keras.ops.convert_to_numpy(model(inputs, training=False))
    np.testing.assert_allclose(logits, pooled, atol=1e-5)


def test_rows_of_padding_alone_give_numbers(model):
    """Batches are filled up with rows of weight 0, which hold no token at all."""
    logits = model(batch([4, 0, 6, 0], width=6), training=False)
    assert np.isfinite(keras.ops.convert_to_numpy(logits)).all()


# Without dropout and with one layer: XLA compiles a training step in seconds instead of minutes.
QUICK = {"num_layers": 1, "dropout": 0.0, "attention_dropout": 0.0, "head_dropout": 0.0}


def test_rows_of_padding_alone_harm_no_gradient():
    """The mean over no token is where a NaN would come from, and NaN times weight 0 is NaN."""
    model = build("bert", "mean", **QUICK)
    model.compile(
        keras.optimizers.SGD(0.1),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    weights = np.array([1, 0, 1, 0], "float32")
    inputs = batch([4, 0, 6, 0], width=6)
    loss = model.train_on_batch(inputs, np.array([0, 1, 2, 1]), sample_weight=weights)
    assert np.isfinite(loss)
    backends.current().sync_state(model)
    for weight in model.weights:
        assert np.isfinite(keras.ops.convert_to_numpy(weight)).all(), weight.path


def test_it_learns_through_fit():
    keras.utils.set_random_seed(2)
    model = build("distilbert", labels=2, **QUICK)
    inputs = batch([5] * 32, width=5)
    labels = (inputs["token_ids"][:, 1] > 25).astype("int32")
    model.compile(
        keras.optimizers.Adam(1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    losses = model.fit(inputs, labels, batch_size=16, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize(
    ("dropouts", "changes_anything"),
    [
        ({"dropout": 0.0, "attention_dropout": 0.0, "head_dropout": 0.0}, False),
        ({"dropout": 0.5, "attention_dropout": 0.0, "head_dropout": 0.0}, True),
        ({"dropout": 0.0, "attention_dropout": 0.5, "head_dropout": 0.0}, True),
        ({"dropout": 0.0, "attention_dropout": 0.0, "head_dropout": 0.5}, True),
    ],
)
def test_each_dropout_is_drawn_in_training_alone(dropouts, changes_anything):
    model = sharpen(build("bert", **dropouts))
    inputs = batch([6, 6], width=6)

    def logits(training):
        return keras.ops.convert_to_numpy(model(inputs, training=training))

    np.testing.assert_array_equal(logits(False), logits(False))
    difference = max(np.abs(logits(True) - logits(False)).max() for _ in range(3))
    assert (difference > 1e-4) == changes_anything


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pooling": "max"}, "pooling must be one of first, mean, not 'max'"),
        ({"labels": 0}, "num_labels must be a whole number of at least 1, not 0"),
        ({"labels": 2.0}, "num_labels must be a whole number"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        build("distilbert", **options)
