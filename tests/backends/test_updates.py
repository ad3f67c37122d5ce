"""What changes tensors in place: slots of a cache, and Adam's variables."""

import importlib

import keras
import numpy as np
import pytest

from kerasft import backends

RNG = np.random.default_rng(0)


def test_write_is_a_slice_update():
    before = RNG.normal(size=(2, 5, 3)).astype("float32")
    values = RNG.normal(size=(2, 2, 3)).astype("float32")
    expected = before.copy()
    expected[:, 1:3] = values
    tensor = keras.ops.convert_to_tensor(before.copy())
    for place in (1, keras.ops.convert_to_tensor(1)):
        found = backends.current().write(tensor, (0, place, 0), keras.ops.convert_to_tensor(values))
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), expected)


OPTIMIZERS = {
    "Adam": lambda: keras.optimizers.Adam(
        keras.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5), beta_2=0.98, epsilon=1e-3
    ),
    "AdamW": lambda: keras.optimizers.AdamW(0.05, weight_decay=0.1, global_clipnorm=0.5),
    "amsgrad": lambda: keras.optimizers.Adam(0.05, amsgrad=True),
    "SGD": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
}


def trained(optimizer: keras.optimizers.Optimizer, fuse: bool) -> tuple[list, list]:
    """Weights after some steps of a small model, and the optimizer's variables."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)])
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(40, 3)).astype("float32"), rng.normal(size=(40, 2)).astype("float32")
    model.build(x.shape)
    model.compile(optimizer, "mse")
    if fuse:
        backends.current().fuse_updates(model.optimizer)
    model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    backends.current().sync_state(model)
    to_numpy = keras.ops.convert_to_numpy
    return [to_numpy(w) for w in model.weights], [to_numpy(v) for v in model.optimizer.variables]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fused_updates_are_kerass_own(name):
    plain, plain_state = trained(OPTIMIZERS[name](), fuse=False)
    fused, fused_state = trained(OPTIMIZERS[name](), fuse=True)
    for found, expected in zip([*fused, *fused_state], [*plain, *plain_state], strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="the others have XLA fuse them")
def test_torch_takes_its_fused_kernel(monkeypatch):
    module = importlib.import_module("torch.optim.adam")
    calls, adam = [], module.adam
    monkeypatch.setattr(module, "adam", lambda *a, **k: (calls.append(k), adam(*a, **k)))
    trained(OPTIMIZERS["AdamW"](), fuse=True)
    assert len(calls) == 10 and all(options["fused"] for options in calls)
    trained(OPTIMIZERS["amsgrad"](), fuse=True)
    assert len(calls) == 10
