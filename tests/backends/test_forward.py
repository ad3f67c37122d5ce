"""What the three backend modules promise, on the one that runs."""

import logging

import keras
import numpy as np
import pytest

from kerasft import backends
from kerasft.errors import ConfigError


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    inputs = {
        "a": keras.Input((None,), dtype="int32", name="a"),
        "b": keras.Input((None,), dtype="bool", name="b"),
    }
    x = keras.layers.Embedding(20, 6)(inputs["a"])
    x = x * keras.ops.expand_dims(keras.ops.cast(inputs["b"], "float32"), -1)
    x = keras.layers.Dropout(0.5)(keras.ops.sum(x, axis=1))
    return keras.Model(inputs, keras.layers.Dense(3, name="out")(x))


def batch(length: int, rows: int = 4) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(length)
    return {
        "a": rng.integers(0, 20, (rows, length)).astype("int32"),
        "b": rng.random((rows, length)) > 0.3,
    }


def test_forward_equals_the_model_at_every_shape(model):
    forward = backends.compile_forward(model)
    for length, rows in [(5, 4), (8, 4), (5, 1), (5, 4)]:
        inputs = batch(length, rows)
        expected = keras.ops.convert_to_numpy(model(inputs, training=False))
        found = forward(inputs)
        assert isinstance(found, np.ndarray) and found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_many_shapes_are_no_cause_for_warnings(model, caplog):
    forward = backends.compile_forward(model)
    with caplog.at_level(logging.WARNING):
        for length in range(3, 11):
            forward(batch(length))
    assert not caplog.records, caplog.text


def test_forward_sees_weights_that_change(model):
    forward = backends.compile_forward(model)
    before = forward(batch(5))
    layer = model.get_layer("out")
    layer.bias.assign(layer.bias + np.array([1.0, 2.0, 3.0], "float32"))
    np.testing.assert_allclose(forward(batch(5)), before + np.array([1.0, 2.0, 3.0]), atol=1e-6)
    # Freezing changes which variables are trainable, and must not mix them up.
    layer.trainable = False
    np.testing.assert_allclose(forward(batch(5)), before + np.array([1.0, 2.0, 3.0]), atol=1e-6)
    layer.kernel.assign(np.zeros(layer.kernel.shape, "float32"))
    np.testing.assert_allclose(forward(batch(5)), np.tile([1.0, 2.0, 3.0], (4, 1)), atol=1e-6)


def test_forward_sees_weights_that_fit_trains(model):
    forward = backends.compile_forward(model)
    before = forward(batch(5))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))

    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, step, logs=None):
            backends.current().sync_state(self.model)
            seen.append(forward(batch(5)))

    model.fit(batch(5, rows=8), np.arange(8) % 3, batch_size=4, verbose=0, callbacks=[Look()])
    assert np.abs(seen[0] - before).max() > 1e-4
    assert np.abs(seen[1] - seen[0]).max() > 1e-5
    np.testing.assert_allclose(forward(batch(5)), seen[1], atol=1e-6)


def test_seed_step_repeats_a_training_step(model):
    """The dropout of a step is the same again after the same seed and seed-generator state."""
    backend = backends.current()
    states = [variable for variable in model.variables if "seed" in variable.path]
    assert states
    kept = [keras.ops.convert_to_numpy(state) for state in states]

    def step(number: int) -> np.ndarray:
        for state, value in zip(states, kept, strict=True):
            state.assign(value)
        backend.seed_step(7, number)
        return keras.ops.convert_to_numpy(model(batch(5), training=True))

    first = step(3)
    np.testing.assert_array_equal(step(3), first)
    if backends.check().name == "torch":  # the others draw from the generators' state alone
        assert np.abs(step(4) - first).max() > 0


def test_threads_can_be_set_before_the_start(run_python):
    code = """
from kerasft import backends
backend = backends.current()
backend.set_threads(1)
import keras
keras.ops.convert_to_numpy(keras.ops.ones((3, 3)) @ keras.ops.ones((3, 3)))
print(backend.threads(), backends.describe())
"""
    done = run_python("-c", code, backend=backends.check().name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1 backend: ") and "1 thread (" in done.stdout


def test_threads_cannot_be_set_too_late():
    backend = backends.current()
    keras.ops.convert_to_numpy(keras.ops.ones(3))
    count = backend.threads()
    backend.set_threads(count)  # no change: always fine
    if backends.check().name == "torch":
        backend.set_threads(count + 1)
        assert backend.threads() == count + 1
        backend.set_threads(count)
    else:
        with pytest.raises(ConfigError, match="already started"):
            backend.set_threads(count + 1)


def test_functions_of_tensors_take_and_give_nests_of_arrays(model):
    def function(inputs):
        count, total = keras.ops.while_loop(
            lambda count, total: count < 3,
            lambda count, total: (count + 1, total + model(inputs, training=False)),
            (keras.ops.zeros((), dtype="int32"), keras.ops.zeros((inputs["a"].shape[0], 3))),
        )
        return {"sums": [total, total > 0], "count": count}

    run = backends.current().compile_function(model, function)
    for length, rows in [(5, 4), (8, 2), (5, 4)]:
        inputs = batch(length, rows)
        found = run(inputs)
        expected = 3 * keras.ops.convert_to_numpy(model(inputs, training=False))
        assert found["count"] == 3
        assert all(isinstance(array, np.ndarray) for array in found["sums"])
        np.testing.assert_allclose(found["sums"][0], expected, atol=1e-5)
        np.testing.assert_array_equal(found["sums"][1], found["sums"][0] > 0)
    model.get_layer("out").kernel.assign(np.zeros((6, 3), "float32"))
    model.get_layer("out").bias.assign(np.ones(3, "float32"))
    np.testing.assert_allclose(run(batch(5))["sums"][0], np.full((4, 3), 3.0), atol=1e-6)
