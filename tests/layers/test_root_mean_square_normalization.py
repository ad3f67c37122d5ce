"""T5's normalization, against torch's."""

import keras
import numpy as np
import pytest
import torch

from harness.torch_twins import assert_same, copy, randomized
from kerasft.layers import RootMeanSquareNormalization

SCALE = {"scale": ("weight", lambda weight: weight)}


@pytest.mark.parametrize("epsilon", [1e-6, 1e-2])
def test_equals_torch(epsilon):
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(2, 5, 12)).astype("float32")
    module = randomized(torch.nn.RMSNorm(12, eps=epsilon))
    layer = RootMeanSquareNormalization(epsilon, name="norm")
    layer.build(x.shape)
    copy(module, layer, SCALE)
    assert_same(layer, layer, module, module, SCALE, [x])


def test_nothing_is_taken_away_and_epsilon_stands_inside_the_root():
    layer = RootMeanSquareNormalization(epsilon=4.0)
    # Mean square 5.
    found = keras.ops.convert_to_numpy(layer(np.array([[1.0, 3.0]], "float32")))
    np.testing.assert_allclose(found, [[1 / 3, 1.0]], rtol=1e-6)


def test_zeros_stay_zeros():
    found = RootMeanSquareNormalization()(np.zeros((1, 4), "float32"))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(found), np.zeros((1, 4)))
