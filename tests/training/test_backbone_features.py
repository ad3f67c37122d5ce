"""Features that are computed once per text, and training on them beside training without."""

import shutil

import keras
import numpy as np
import pytest

from harness import frozen_backbones
from kerasft import backends, training
from kerasft.data.feature_store import FeatureStore
from kerasft.errors import ConfigError
from kerasft.training.backbone_features import BackboneFeatures, FeatureBatches, all_tokens, keys_of

EPOCHS = 3


def features_of(backbone, folder, dtype: str = "float32", **options) -> BackboneFeatures:
    key = backbone.digest({"dtype": dtype})
    kept = FeatureStore(folder / "s", backbone=key, width=backbone.width, dtype=dtype, **options)
    return BackboneFeatures(backbone, kept, key)


@pytest.fixture
def calls(monkeypatch) -> list[int]:
    """How many rows the backbone has read, call by call."""
    seen: list[int] = []
    original = BackboneFeatures._compute

    def compute(self, inputs, made):
        seen.append(len(inputs["token_ids"]))
        return original(self, inputs, made)

    monkeypatch.setattr(BackboneFeatures, "_compute", compute)
    return seen


@pytest.fixture(scope="module")
def backbone():
    return frozen_backbones.encoder().frozen_backbone()


def test_a_text_is_computed_once_and_rounded_from_the_first_time_on(backbone, tmp_path, calls):
    features = features_of(backbone, tmp_path, "float16")
    inputs = frozen_backbones.batch()
    first = features.of(inputs)
    assert first.shape == (4, 12, 8) and first.dtype == np.float32
    np.testing.assert_array_equal(first, first.astype("float16"))
    assert not first[~inputs["padding_mask"]].any() and first[inputs["padding_mask"]].all()
    exact = features_of(backbone, tmp_path / "exact").of(inputs)
    np.testing.assert_allclose(first, exact, rtol=1e-3, atol=1e-4)
    assert np.abs(first - exact).max() > 0
    del calls[:]
    np.testing.assert_array_equal(features.of(inputs), first)
    # The same texts in another order, longer, and from another process's point of view.
    wider = {
        name: np.pad(array[::-1], ((0, 0), (0, 4))) for name, array in inputs.items()
    }  # (4, 16)
    again = features_of(backbone, tmp_path, "float16").of(wider)
    np.testing.assert_array_equal(again[::-1, :12], first)
    assert again.shape == (4, 16, 8) and not calls


def test_all_that_a_run_trains_on_is_in_the_file(backbone, tmp_path, calls):
    """Equal texts in a batch, and rows that fill it up, are kept once."""
    features = features_of(backbone, tmp_path)
    batches = frozen_backbones.batches(18)  # the last batch is filled up
    train = FeatureBatches(batches, features)
    made = [train.batch(0, index) for index in range(len(train))]
    rows = list(all_tokens(backbone, [batches]))
    assert len(rows) == 20 and len(features.store) == len(set(keys_of("x", rows))) == 18
    assert calls == [4] * 5
    again = FeatureBatches(batches, features_of(backbone, tmp_path))
    for index, (inputs, labels, weights) in enumerate(made):
        anew, *rest = again.batch(0, index)
        np.testing.assert_array_equal(anew["hidden"], inputs["hidden"])
        np.testing.assert_array_equal(anew["padding_mask"], inputs["padding_mask"])
        for array, expected in zip(rest, batches.batch(0, index)[1:], strict=True):
            np.testing.assert_array_equal(array, expected)
        np.testing.assert_array_equal(rest[0], labels)
        np.testing.assert_array_equal(rest[1], weights)
    assert len(calls) == 5


def test_the_whole_batch_is_read_whatever_of_it_is_kept(backbone, tmp_path, calls):
    """So the numbers do not hang on what was kept before, not even in the last bit."""
    inputs = frozen_backbones.batch()
    whole = features_of(backbone, tmp_path / "whole").of(inputs)
    features = features_of(backbone, tmp_path / "parts")
    features.of({name: array[[0, 0, 0, 0]] for name, array in inputs.items()})
    kept = features.of(inputs)
    np.testing.assert_array_equal(kept[1:], whole[1:])
    assert calls == [4, 4, 4]


def test_where_no_more_can_be_kept_the_run_goes_on(backbone, tmp_path, capsys):
    features = features_of(backbone, tmp_path, max_bytes=100)
    inputs = frozen_backbones.batch()
    expected = features_of(backbone, tmp_path / "other").of(inputs)
    for _ in range(2):
        np.testing.assert_array_equal(features.of(inputs), expected)
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "the limit of" in said and "computed again" in said


def test_a_run_outlives_the_removal_of_its_features(backbone, tmp_path, capsys):
    features = features_of(backbone, tmp_path)
    inputs = frozen_backbones.batch()
    expected = features.of(inputs)
    shutil.rmtree(tmp_path / "s")
    np.testing.assert_array_equal(features.of(inputs), expected)  # still mapped
    other = {name: array[:, :6] for name, array in inputs.items()}
    assert features.of(other).shape == (4, 6, 8)
    assert "cannot be kept" in capsys.readouterr().out


def test_numbers_that_float16_does_not_hold_are_refused(tmp_path):
    model = frozen_backbones.encoder()
    scale = model.backbone.get_layer("transformer_layer_1").feedforward_residual.norm.gamma
    scale.assign(scale * 1e6)
    with pytest.raises(ConfigError, match="--cache_dtype float32"):
        features_of(model.frozen_backbone(), tmp_path, "float16").of(frozen_backbones.batch())


def test_keys_tell_texts_and_backbones_apart():
    rows = [np.array(ids, "int32") for ids in ([1], [1, 2], [2, 1], [256], [1, 0])]
    keys = keys_of("a", rows)
    assert len({*keys, *keys_of("b", rows)}) == 10 and {len(key) for key in keys} == {32}
    assert keys_of("a", [np.array([1, 2], "int64")]) == [keys[1]]


def fit(model, train, validation) -> tuple[list[float], list[dict], dict]:
    """The loss of each step, the logs of each epoch, and the weights after them."""
    model.compile(
        keras.optimizers.Adam(0.01),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    history = training.History()
    model.fit(train, epochs=EPOCHS, validation_data=validation, callbacks=[history], verbose=0)
    return history.losses, history.epochs


def weights_of(model) -> dict[str, np.ndarray]:
    return {w.path: np.array(keras.ops.convert_to_numpy(w)) for w in model.weights}


MODELS = {
    "LoRA": frozen_backbones.encoder,
    "head, first": lambda: frozen_backbones.head_only("bert", "first"),
    "head, mean": lambda: frozen_backbones.head_only("distilbert", "mean"),
}


@pytest.mark.parametrize("build", MODELS.values(), ids=MODELS)
def test_losses_are_those_without_a_cache(build, tmp_path):
    def parts():
        return frozen_backbones.batches(), frozen_backbones.batches(8, shuffle=False, seed=9)

    whole = build()
    before = weights_of(whole)
    expected, expected_epochs = fit(whole, *parts())
    model = build()
    backbone = model.frozen_backbone()
    features = features_of(backbone, tmp_path)
    train, validation = (FeatureBatches(batches, features) for batches in parts())
    losses, epochs = fit(backbone.upper, train, validation)
    assert len(losses) == 5 * EPOCHS and len(features.store) == 28
    np.testing.assert_allclose(losses, expected, atol=1e-5)
    for logs, expected_logs in zip(epochs, expected_epochs, strict=True):
        assert logs == pytest.approx(expected_logs, abs=1e-5)

    # What trained is the model itself, and nothing else of it has moved.
    trained = {weight.path for weight in model.trainable_weights}
    after, reference = weights_of(model), weights_of(whole)
    for path, weight in after.items():
        np.testing.assert_allclose(weight, reference[path], atol=1e-5, err_msg=path)
        if path not in trained:
            np.testing.assert_array_equal(weight, before[path], err_msg=path)
        else:
            assert np.abs(weight - before[path]).max() > 1e-3, path
    logits = model.predict(parts()[1], verbose=0)  # never compiled, and still the same
    np.testing.assert_allclose(logits, backbone.upper.predict(validation, verbose=0), atol=1e-5)


def test_dropout_above_the_backbone_is_drawn_as_without_a_cache(tmp_path):
    """Where the backbone drops nothing out, it draws nothing: what is above draws the same."""

    class Seed(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            backends.current().seed_step(0, batch)

    losses = []
    for cached in (False, True):
        backends.seed_everything(0)
        model = frozen_backbones.encoder(dropout=0.3)
        assert model.still_frozen() == 2
        backbone = model.frozen_backbone()
        trained = backbone.upper if cached else model
        batches = frozen_backbones.batches(8)
        trained.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        history = training.History()
        train = FeatureBatches(batches, features_of(backbone, tmp_path)) if cached else batches
        trained.fit(train, epochs=2, callbacks=[history, Seed()], verbose=0)
        losses.append(history.losses)
    np.testing.assert_allclose(*losses, atol=1e-5)
    assert len(set(losses[0])) == 4


def test_a_t5_trains_as_without_a_cache(tmp_path):
    from kerasft.data.pair_batches import PairBatches

    def parts():
        sources, _ = frozen_backbones.texts(12)
        targets, _ = frozen_backbones.texts(12, seed=1, longest=6)
        return PairBatches(
            sources, targets, tokens_per_batch=80, pad_id=0, shuffle=True, seed=0, max_length=24,
            bucket_count=1,
        )  # fmt: skip

    losses, weights = [], []
    for cached in (False, True):
        model = frozen_backbones.t5()
        backbone = model.frozen_backbone()
        train = parts()
        history = training.History(batch_weight=train.tokens)
        trained = backbone.upper if cached else model
        trained.compile(
            keras.optimizers.Adam(0.01),
            keras.losses.SparseCategoricalCrossentropy(
                from_logits=True, reduction="mean_with_sample_weight"
            ),
        )
        batches = FeatureBatches(train, features_of(backbone, tmp_path)) if cached else train
        trained.fit(batches, epochs=2, callbacks=[history], verbose=0)
        losses.append(history.losses)
        weights.append(weights_of(model))
    assert len(losses[0]) == 2 * len(parts())
    np.testing.assert_allclose(*losses, atol=1e-5)
    for path, weight in weights[0].items():
        np.testing.assert_allclose(weights[1][path], weight, atol=1e-5, err_msg=path)
