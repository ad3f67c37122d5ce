"""Attention beside torch.nn.MultiheadAttention, its masks, its scores and its steps."""

import keras
import numpy as np
import pytest
import torch

from harness.gradients import value_and_gradients
from harness.torch_twins import ATTENTION, assert_same, copy, randomized
from kerasft.errors import ConfigError
from kerasft.layers import MultiHeadAttention, causal_mask

RNG = np.random.default_rng(0)
QUERY = RNG.normal(size=(3, 4, 12)).astype("float32")
KEY = RNG.normal(size=(3, 6, 12)).astype("float32")
VALUE = RNG.normal(size=(3, 6, 12)).astype("float32")
PADDING = np.arange(6) >= np.array([[6], [4], [1]])  # (3, 6), True at padding


def twins(heads: int = 3) -> tuple[MultiHeadAttention, torch.nn.MultiheadAttention]:
    module = randomized(torch.nn.MultiheadAttention(12, heads, batch_first=True))
    layer = MultiHeadAttention(12, heads, name="attention")
    layer.build(QUERY.shape)
    copy(module, layer, ATTENTION)
    return layer, module


@pytest.mark.parametrize("heads", [1, 3, 12])
def test_padded_keys_as_in_torch(heads):
    layer, module = twins(heads)
    visible = keras.ops.convert_to_tensor(~PADDING[:, None, None, :])
    assert_same(
        layer,
        lambda q, k, v: layer(q, k, v, attention_mask=visible),
        module,
        lambda q, k, v: module(q, k, v, key_padding_mask=torch.tensor(PADDING))[0],
        ATTENTION,
        [QUERY, KEY, VALUE],
    )


@pytest.mark.parametrize("causal", [True, False])
def test_self_attention_as_in_torch(causal):
    layer, module = twins()
    hidden = torch.ones(4, 4, dtype=torch.bool).triu(1) if causal else None
    assert_same(
        layer,
        lambda x: layer(x, x, x, attention_mask=causal_mask(4) if causal else None),
        module,
        lambda x: module(x, x, x, attn_mask=hidden)[0],
        ATTENTION,
        [QUERY],
    )


def test_scores_as_in_torch():
    layer, module = twins()
    visible = ~PADDING[:, None, None, :]
    output, scores = layer(QUERY, KEY, VALUE, attention_mask=visible, return_scores=True)
    with torch.no_grad():
        expected_output, expected = module(
            *map(torch.tensor, (QUERY, KEY, VALUE)),
            key_padding_mask=torch.tensor(PADDING),
            average_attn_weights=False,
        )
    scores = keras.ops.convert_to_numpy(scores)
    assert scores.shape == (3, 3, 4, 6)
    np.testing.assert_allclose(scores, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(output), expected_output.numpy(), atol=1e-5
    )
    np.testing.assert_allclose(scores.sum(-1), 1.0, rtol=1e-5)
    assert (np.where(visible, 0.0, scores) == 0.0).all()


def test_the_future_has_no_part_in_a_position():
    layer, _ = twins()
    mask = causal_mask(4)
    for position in range(4):
        direction = np.zeros(QUERY.shape, "float32")
        direction[:, position] = RNG.normal(size=(3, 12))
        _, [gradient] = value_and_gradients(
            lambda x: layer(x, x, x, attention_mask=mask), [QUERY], [], direction
        )
        assert (gradient[:, position + 1 :] == 0.0).all()
        assert (np.abs(gradient[:, : position + 1]).max(axis=(0, 2)) > 1e-4).all()


def test_a_row_that_may_look_at_nothing_gives_numbers():
    layer, _ = twins()
    nothing = np.zeros((3, 1, 1, 6), bool)
    direction = np.ones(QUERY.shape, "float32")
    value, gradients = value_and_gradients(
        lambda q, k, v: layer(q, k, v, attention_mask=keras.ops.convert_to_tensor(nothing)),
        [QUERY, KEY, VALUE],
        layer.trainable_variables,
        direction,
    )
    assert all(np.isfinite(array).all() for array in (value, *gradients))


def test_a_step_with_kept_keys_and_values_is_a_call():
    layer, _ = twins()
    mask = keras.ops.convert_to_tensor(~PADDING[:, None, None, :])
    called = layer(QUERY, KEY, KEY, attention_mask=mask)
    query, source = keras.ops.convert_to_tensor(QUERY), keras.ops.convert_to_tensor(KEY)
    stepped = layer.step(query, *layer.keys_and_values(source), mask)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(stepped), keras.ops.convert_to_numpy(called), atol=1e-6
    )


@pytest.mark.parametrize("heads", [5, 0])
def test_heads_must_divide_the_width(heads):
    with pytest.raises(ConfigError) as caught:
        MultiHeadAttention(d_model=12, heads=heads)
    assert str(caught.value) == (
        f"the number of heads ({heads}) must divide d_model (12); choose another of the two."
    )
