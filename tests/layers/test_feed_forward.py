"""The feed-forward layer beside torch's."""

import keras
import numpy as np
import torch

from harness.torch_twins import FEED_FORWARD, assert_same, copy, randomized
from kerasft.layers import FeedForward

X = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")


def test_equals_torch():
    module = randomized(
        torch.nn.Sequential(torch.nn.Linear(8, 12), torch.nn.ReLU(), torch.nn.Linear(12, 8))
    )
    layer = FeedForward(d_model=8, d_ff=12, name="feed_forward")
    layer.build(X.shape)
    copy(module, layer, FEED_FORWARD)
    assert_same(layer, layer, module, module, FEED_FORWARD, [X])


def test_a_step_is_a_call():
    layer = FeedForward(d_model=8, d_ff=12)
    called = keras.ops.convert_to_numpy(layer(X))
    stepped = keras.ops.convert_to_numpy(layer.step(keras.ops.convert_to_tensor(X)))
    np.testing.assert_allclose(stepped, called, atol=1e-6)
