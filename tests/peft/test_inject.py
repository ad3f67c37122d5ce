import keras
import numpy as np
import pytest

from harness import small
from kerasft.errors import AdapterError
from kerasft.peft import (
    LoRAConfig,
    LoRADense,
    LoRAEinsumDense,
    adapted_layers,
    apply,
    freeze,
    last_layers,
    merge,
    parameter_counts,
    remove,
    saved_layers,
    unfreeze,
    unmerge,
)

X = np.random.default_rng(0).standard_normal((8, 4)).astype("float32")
Y = np.random.default_rng(1).standard_normal((8, 2)).astype("float32")


@keras.saving.register_keras_serializable("test")
class Subclassed(keras.Model):
    """A Dense in an attribute, one in a list, one in a sublayer."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.first = keras.layers.Dense(6, name="first")
        self.row = [keras.layers.Dense(5, name=f"row_{i}") for i in range(2)]
        self.inner = keras.Sequential([keras.layers.Dense(2, name="last")], name="inner")

    def call(self, x):
        x = self.first(x)
        for layer in self.row:
            x = layer(x)
        return self.inner(x)


def subclassed() -> keras.Model:
    model = Subclassed(name="sub")
    model(X)
    return model


def nested() -> keras.Model:
    x = keras.Input((4,))
    return keras.Model(x, keras.layers.Dense(2, name="top")(small.dense_model()(x)))


def sequential() -> keras.Model:
    layers = [keras.layers.Dense(6, name="first"), keras.layers.Dense(2, name="second")]
    return keras.Sequential([keras.Input((4,)), *layers])


MODELS = {
    "functional": (small.dense_model, ("first",), ("second",)),
    "sequential": (sequential, ("first",), ("second",)),
    "subclassed": (subclassed, ("first", "row_1"), ("last",)),
    "nested": (nested, ("first", "second"), ("top",)),
}


@pytest.mark.parametrize("compiled_before", [False, True])
@pytest.mark.parametrize("kind", MODELS)
def test_any_model_trains_its_adapters_and_nothing_frozen(kind: str, compiled_before: bool) -> None:
    build, targets, head = MODELS[kind]
    model = build()
    if compiled_before:  # a graph exists already when the adapters come
        model.compile(keras.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
        model.fit(X, Y, verbose=0)
        model.predict(X, verbose=0)
    plain = model.predict(X, verbose=0)
    config = LoRAConfig(targets, rank=2, dropout=0.1, modules_to_save=head)
    report = apply(model, config)
    assert report.recompiled is compiled_before
    np.testing.assert_allclose(model.predict(X, verbose=0), plain, atol=1e-6)
    if not compiled_before:
        model.compile(keras.optimizers.Adam(0.01), loss="mse")
    assert {path.rpartition("/")[2] for path in report.adapted} == set(targets)
    assert all(isinstance(layer, LoRADense) for layer in adapted_layers(model))
    before = small.snapshot(model.weights)
    model.fit(X, Y, epochs=3, batch_size=4, verbose=0)
    changed = small.moved(before, small.snapshot(model.weights))
    adapters = {f"{path}/{name}" for path in report.adapted for name in ("lora_a", "lora_b")}
    full = {f"{path}/{name}" for path in report.trained_in_full for name in ("kernel", "bias")}
    assert changed == adapters | full

    trained = model.predict(X, verbose=0)
    assert np.abs(trained - plain).max() > 1e-3
    merge(model)
    np.testing.assert_allclose(model.predict(X, verbose=0), trained, atol=1e-5)
    unmerge(model)
    np.testing.assert_array_equal(model.predict(X, verbose=0), trained)
    remove(model)
    assert not adapted_layers(model)
    np.testing.assert_allclose(model.predict(X, verbose=0), trained, atol=1e-5)


def test_a_nested_backbone_compiled_before_trains_its_adapters() -> None:
    model = small.backbone_classifier(dropout=0.1)
    small.compile_classifier(model, graph=True)
    model.fit(small.TOKENS, small.LABELS, batch_size=3, verbose=0)
    report = apply(
        model, LoRAConfig(last_layers(model, 1), rank=2, modules_to_save=("classifier",))
    )
    assert report.adapted == tuple(
        f"transformer_layer_1/self_attention_layer/{name}" for name in ("query", "value")
    )
    assert report.trained_in_full == ("classifier",)
    assert all(isinstance(layer, LoRAEinsumDense) for layer in adapted_layers(model))
    assert [layer.path for layer in saved_layers(model)] == ["classifier"]
    before = small.snapshot(model.weights)
    model.fit(small.TOKENS, small.LABELS, batch_size=3, epochs=3, verbose=0)
    changed = small.moved(before, small.snapshot(model.weights))
    assert changed == {
        *(f"{path}/{name}" for path in report.adapted for name in ("lora_a", "lora_b")),
        "classifier/kernel",
        "classifier/bias",
    }
    assert f"{report.adapted[0]}/bias" in before  # a query's bias exists, and stayed
    expected = 2 * (16 * 2 + 2 * 16) + 16 * 3 + 3
    assert report.counts.trained == expected == parameter_counts(model).trained
    assert f"{expected:,} of" in str(report) and "2 layers adapted" in str(report)


def test_several_steps_equal_a_computation_by_hand() -> None:
    """Stale or accumulating gradients would leave this path at the second step."""
    keras.utils.set_random_seed(3)
    model = sequential()
    model.compile(keras.optimizers.SGD(0.3), loss="mse")
    model.fit(X, Y, verbose=0)
    apply(model, LoRAConfig(("first",), rank=2, alpha=4.0, dropout=0.0))
    first, second = model.layers
    w, b, a, u, v, c = (
        small.numpy(each).astype("float64")
        for each in (first.kernel, first.bias, first.lora_a, first.lora_b, second.kernel,
                     second.bias)
    )  # fmt: skip
    s = 4.0 / 2
    for _ in range(4):
        model.train_on_batch(X, Y)
        error = 2 * ((X @ w + s * X @ a @ u + b) @ v + c - Y) / Y.size  # (batch, 2)
        hidden = error @ v.T  # (batch, 6)
        a, u = a - 0.3 * s * X.T @ hidden @ u.T, u - 0.3 * s * (X @ a).T @ hidden
    assert np.abs(u).max() > 0.05
    np.testing.assert_allclose(small.numpy(first.lora_a), a, atol=1e-5)
    np.testing.assert_allclose(small.numpy(first.lora_b), u, atol=1e-5)


def test_gradients_do_not_pile_up_in_a_nested_backbone() -> None:
    """With SGD and a constant gradient-free backbone, step two from a saved state is repeatable."""

    def steps(model: keras.Model, count: int) -> dict[str, np.ndarray]:
        for _ in range(count):
            model.train_on_batch(small.TOKENS, small.LABELS)
        return small.snapshot(model.trainable_weights)

    model = small.backbone_classifier()
    apply(model, LoRAConfig(("query", "value"), rank=2, dropout=0.0))
    small.randomize_adapters(model)
    start = small.snapshot(model.weights)
    small.compile_classifier(model, keras.optimizers.SGD(0.5))
    middle = steps(model, 1)
    end = steps(model, 1)

    again = small.backbone_classifier()  # one step from the middle, in a model without a past
    apply(again, LoRAConfig(("query", "value"), rank=2, dropout=0.0))
    for weight in again.weights:
        weight.assign({**start, **middle}[weight.path])
    small.compile_classifier(again, keras.optimizers.SGD(0.5))
    end_again = steps(again, 1)
    assert len(small.moved(middle, end)) == len(middle)
    for path, value in end.items():
        np.testing.assert_allclose(end_again[path], value, atol=1e-6, err_msg=path)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="torch has lists of its own")
def test_torch_knows_the_new_parameters_and_forgets_them() -> None:
    """What a parent's `parameters()` misses, its `zero_grad()` would not clear."""
    model = small.backbone_classifier()
    small.compile_classifier(model)
    model.fit(small.TOKENS, small.LABELS, batch_size=3, verbose=0)
    apply(model, LoRAConfig(("query", "classifier")))
    for parent in (model, *model._flatten_layers(include_self=False)):
        known = {id(parameter) for parameter in parent.parameters()}
        assert all(id(weight.value) in known for weight in parent.weights), parent.name
    remove(model)
    assert not any("lora" in name for name, _ in model.named_parameters())


def test_variable_paths_are_unique_with_adapters_everywhere() -> None:
    model = small.backbone_classifier(dropout=0.1)
    apply(model, LoRAConfig((".*",), modules_to_save=("classifier",)))
    paths = [v.path for v in model.variables]
    assert len(paths) == len(set(paths))
    assert sum(path.endswith("lora_dropout/seed_generator_state") for path in paths) == 2 * 6


def test_a_frozen_parent_does_not_keep_adapters_from_training() -> None:
    model = small.backbone_classifier()
    model.layers[-2].trainable = False
    apply(model, LoRAConfig(("query",), rank=2))
    assert len(model.trainable_weights) == 2 * 2


def test_batch_statistics_of_a_frozen_layer_stay() -> None:
    layers = [keras.layers.Dense(6, name="first"), keras.layers.BatchNormalization(name="norm")]
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2, name="second")])
    apply(model, LoRAConfig(("first",), rank=2))
    model.compile("adam", loss="mse")
    before = small.snapshot(model.weights)
    model.fit(X, Y, verbose=0)
    changed = small.moved(before, small.snapshot(model.weights))
    assert {path.rpartition("/")[2] for path in changed} == {"lora_b"}  # A waits for B


def test_recompiling_keeps_the_settings() -> None:
    def own_loss(y_true, y_pred):
        return keras.ops.mean(keras.ops.abs(y_true - y_pred), axis=-1)

    model = sequential()
    model.compile(keras.optimizers.AdamW(0.003, weight_decay=0.02), loss=own_loss, metrics=["mse"])
    model.fit(X, Y, verbose=0)
    apply(model, LoRAConfig(("first",)))
    assert isinstance(model.optimizer, keras.optimizers.AdamW)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.003)
    assert model.optimizer.weight_decay == 0.02
    history = model.fit(X, Y, verbose=0).history
    assert set(history) == {"loss", "mse"}
    assert history["loss"][0] == pytest.approx(np.abs(Y - model.predict(X, verbose=0)).mean(), 0.1)


def test_predictions_of_an_uncompiled_model_see_the_adapters() -> None:
    model = sequential()
    plain = model.predict(X, verbose=0)  # caches a compiled function
    apply(model, LoRAConfig(("first",)))
    small.randomize_adapters(model)
    assert np.abs(model.predict(X, verbose=0) - plain).max() > 0.01
    np.testing.assert_allclose(model.predict(X, verbose=0), small.numpy(model(X)), atol=1e-6)


def test_after_remove_the_model_saves_as_keras_and_takes_adapters_again(tmp_path) -> None:
    model = small.backbone_classifier()
    classes = [type(layer) for layer in model._flatten_layers()]
    paths = [v.path for v in model.variables]
    apply(model, LoRAConfig(("query", "value", "classifier")))
    small.randomize_adapters(model)
    expected = small.logits(model)
    remove(model)
    assert [type(layer) for layer in model._flatten_layers()] == classes
    assert [v.path for v in model.variables] == paths
    assert not hasattr(model.get_layer("classifier"), "lora_a")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(small.logits(again), expected, atol=1e-5)

    report = apply(model, LoRAConfig(("query",), rank=2))
    small.compile_classifier(model)
    before = small.snapshot(model.weights)
    model.fit(small.TOKENS, small.LABELS, batch_size=3, epochs=2, verbose=0)
    assert len(small.moved(before, small.snapshot(model.weights))) == 2 * len(report.adapted)


def test_freeze_trains_only_what_is_named() -> None:
    model = small.backbone_classifier()
    small.compile_classifier(model)
    counts = freeze(model, ["transformer_layer_1", "classifier"])
    before = small.snapshot(model.weights)
    model.fit(small.TOKENS, small.LABELS, batch_size=3, verbose=0)
    changed = small.moved(before, small.snapshot(model.weights))
    assert {path.partition("/")[0] for path in changed} == {"transformer_layer_1", "classifier"}
    total = sum(w.size for w in before.values())
    assert (counts.trained, counts.frozen) == (2224 + 51, total - 2275)
    assert counts.share == pytest.approx(2275 / total)
    with pytest.raises(AdapterError, match="Nothing would train"):
        freeze(model, [])
    unfreeze(model)
    assert parameter_counts(model).frozen == 0


class OwnDense(keras.layers.Dense):
    """A Dense whose class is not Keras's."""


class OwnCompile(keras.Sequential):
    def compile(self, **kwargs) -> None:
        super().compile(optimizer="sgd", loss="mse")


def with_layer(layer: keras.layers.Layer) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2, name="second")])


def quantized() -> keras.Model:
    model = with_layer(keras.layers.Dense(6, name="first"))
    model.get_layer("first").quantize("int8")
    return model


def keras_lora() -> keras.Model:
    return with_layer(keras.layers.Dense(6, name="first", lora_rank=2))


def own_compile() -> keras.Model:
    model = OwnCompile([keras.Input((4,)), keras.layers.Dense(2, name="first")])
    model.compile()
    return model


def half_built() -> keras.Model:
    model = Subclassed()
    model.first.build((None, 4))
    model.built = True
    return model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Subclassed, "not built yet; call the model once on a batch"),
        (half_built, "not built yet; call the model once on a batch"),
        (lambda: keras.Sequential([keras.layers.Dense(2, name="first")]), "not built yet"),
        (lambda: with_layer(OwnDense(6, name="first")), "is a OwnDense and not a Dense or"),
        (quantized, "first' cannot take a LoRA adapter because it is quantized .int8."),
        (keras_lora, "has an adapter of Keras's own"),
        (own_compile, "OwnCompile has its own compile.*before compiling"),
        (lambda: with_layer(keras.layers.Dense(6, name="other")), "'first' matches no Dense"),
        (lambda: with_layer(keras.layers.LayerNormalization(name="first")), "LayerNormalization"),
    ],
)
def test_what_cannot_be_adapted_is_refused_and_left_alone(build, message: str) -> None:
    model = build()
    trainable = [w.path for w in model.trainable_weights]
    with pytest.raises(AdapterError, match=message):
        apply(model, LoRAConfig(("first",)))
    assert [w.path for w in model.trainable_weights] == trainable
    assert not adapted_layers(model)


def test_nothing_to_train_twice_and_nothing_to_take_off_are_refused() -> None:
    model = sequential()
    with pytest.raises(AdapterError, match="no targets, so nothing would be adapted"):
        apply(model, LoRAConfig(()))
    for undo in (merge, unmerge, remove):
        with pytest.raises(AdapterError, match="has no adapters"):
            undo(model)
    apply(model, LoRAConfig(("first",)))
    before = small.snapshot(model.variables)
    with pytest.raises(AdapterError, match="has adapters already"):
        apply(model, LoRAConfig(("second",)))
    assert list(small.snapshot(model.variables)) == list(before)
