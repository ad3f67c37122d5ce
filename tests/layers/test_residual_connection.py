"""Around a sublayer: which order, and what drops out."""

import keras
import numpy as np
import pytest

from kerasft.layers import ResidualConnection

X = np.random.default_rng(0).normal(2.0, 3.0, size=(2, 5, 8)).astype("float32")


def norm(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)


def square(x):
    return x * x


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_order(norm_first):
    layer = ResidualConnection(dropout=0.5, norm_first=norm_first)
    expected = X + norm(X) ** 2 if norm_first else norm(X + X**2)
    called = keras.ops.convert_to_numpy(layer(X, sublayer=square))
    np.testing.assert_allclose(called, expected, atol=1e-5)
    stepped = keras.ops.convert_to_numpy(layer.step(keras.ops.convert_to_tensor(X), square))
    np.testing.assert_allclose(stepped, expected, atol=1e-5)


def test_what_the_sublayer_makes_drops_out_and_not_the_way_around():
    layer = ResidualConnection(dropout=0.25)
    x = np.zeros((4, 50, 40), "float32")
    found = keras.ops.convert_to_numpy(layer(x, sublayer=lambda y: y + 3.0, training=True))
    np.testing.assert_allclose(found[found != 0], 4.0, rtol=1e-6)  # 3 / (1 - 0.25)
    assert 0.7 < (found != 0).mean() < 0.8
    way_around = keras.ops.convert_to_numpy(layer(x + 1.0, sublayer=lambda y: y, training=True))
    np.testing.assert_allclose(way_around, 1.0)  # norm makes 0 of equal values
