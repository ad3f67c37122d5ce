"""The textbook's layer normalization."""

import keras
import numpy as np
import pytest
import torch

from harness.torch_twins import NORM, assert_same, copy, randomized
from kerasft.layers import LayerNormalization


@pytest.mark.parametrize("epsilon", [1e-5, 1e-2])
def test_equals_torch(epsilon):
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(2, 5, 12)).astype("float32")
    module = randomized(torch.nn.LayerNorm(12, eps=epsilon))
    layer = LayerNormalization(epsilon, name="norm")
    layer.build(x.shape)
    copy(module, layer, NORM)
    assert_same(layer, layer, module, module, NORM, [x])


def test_population_variance_and_epsilon_inside_the_root():
    layer = LayerNormalization(epsilon=0.5)
    # Mean 2, population variance 1 (of the sample: 2).
    found = keras.ops.convert_to_numpy(layer(np.array([[1.0, 3.0]], "float32")))
    np.testing.assert_allclose(found, [[-1 / np.sqrt(1.5), 1 / np.sqrt(1.5)]], rtol=1e-6)


def test_equal_values_give_the_bias():
    layer = LayerNormalization()
    layer.build((None, 4))
    layer.bias.assign(np.array([1.0, 2.0, 3.0, 4.0], "float32"))
    found = keras.ops.convert_to_numpy(layer(np.full((1, 4), 7.0, "float32")))
    np.testing.assert_allclose(found, [[1.0, 2.0, 3.0, 4.0]], atol=1e-5)
