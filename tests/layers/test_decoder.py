"""The decoder beside torch.nn.TransformerDecoder, and its steps beside its call."""

import keras
import numpy as np
import pytest
import torch
from keras import ops

from harness.gradients import value_and_gradients
from harness.torch_twins import DECODER_BLOCK, assert_same, copy, randomized, stack
from kerasft.layers import Decoder, DecoderBlock, causal_mask

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4, 8)).astype("float32")
MEMORY = RNG.normal(size=(3, 6, 8)).astype("float32")
LENGTHS = np.array([6, 4, 1])
PADDING = np.arange(6) >= LENGTHS[:, None]  # (3, 6), True at the memory's padding
VISIBLE = ~PADDING[:, None, None, :]
FUTURE = torch.ones(4, 4, dtype=torch.bool).triu(1)


def torch_block(norm_first: bool) -> torch.nn.TransformerDecoderLayer:
    return torch.nn.TransformerDecoderLayer(
        8, 2, 12, dropout=0.0, batch_first=True, norm_first=norm_first
    )


def assert_same_as_torch(ours, module, table):
    source_mask = ops.convert_to_tensor(VISIBLE)
    assert_same(
        ours,
        lambda x, memory: ours(x, memory, source_mask=source_mask, target_mask=causal_mask(4)),
        module,
        lambda x, memory: module(
            x, memory, tgt_mask=FUTURE, memory_key_padding_mask=torch.tensor(PADDING)
        ),
        table,
        [X, MEMORY],
    )


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_equals_torch(norm_first):
    module = randomized(torch_block(norm_first))
    block = DecoderBlock(8, 2, 12, dropout=0.0, norm_first=norm_first, name="block")
    block.build(X.shape)
    copy(module, block, DECODER_BLOCK)
    assert_same_as_torch(block, module, DECODER_BLOCK)


def test_a_stack_equals_torch():
    module = randomized(
        torch.nn.TransformerDecoder(torch_block(norm_first=True), 2, norm=torch.nn.LayerNorm(8))
    )
    decoder = Decoder(2, 8, 2, 12, dropout=0.0, name="decoder")
    decoder.build(X.shape)
    table = stack(DECODER_BLOCK, 2)
    copy(module, decoder, table)
    assert_same_as_torch(decoder, module, table)


@pytest.fixture(scope="module", params=[True, False], ids=["norm first", "norm last"])
def decoder(request):
    keras.utils.set_random_seed(0)
    decoder = Decoder(2, 8, 2, 12, dropout=0.5, norm_first=request.param)
    decoder.build(X.shape)
    return decoder


def test_the_future_has_no_part_in_a_position(decoder):
    direction = np.zeros(X.shape, "float32")
    direction[:, 1] = RNG.normal(size=(3, 8))
    _, [gradient] = value_and_gradients(
        lambda x: decoder(x, MEMORY, target_mask=causal_mask(4)), [X], [], direction
    )
    assert (gradient[:, 2:] == 0.0).all()
    assert (np.abs(gradient[:, :2]).max(axis=(0, 2)) > 1e-5).all()


def test_the_last_blocks_scores_over_the_source(decoder):
    x, scores = decoder(
        X, MEMORY, source_mask=VISIBLE, target_mask=causal_mask(4), return_scores=True
    )
    scores = ops.convert_to_numpy(scores)
    assert scores.shape == (3, 2, 4, 6)
    np.testing.assert_allclose(scores.sum(-1), 1.0, rtol=1e-5)
    assert (np.where(VISIBLE, 0.0, scores) == 0.0).all()
    again = decoder(X, MEMORY, source_mask=VISIBLE, target_mask=causal_mask(4))
    np.testing.assert_array_equal(ops.convert_to_numpy(again), ops.convert_to_numpy(x))


def test_steps_equal_a_call(decoder):
    mask = ops.convert_to_tensor(VISIBLE)
    called = ops.convert_to_numpy(
        decoder(X, MEMORY, source_mask=VISIBLE, target_mask=causal_mask(4))
    )
    caches = decoder.start(ops.convert_to_tensor(MEMORY), slots=7)
    for position in range(4):
        visible = (ops.arange(7) <= position)[None, None, None, :]
        token = ops.convert_to_tensor(X[:, position : position + 1])
        found, caches = decoder.step(token, caches, mask, visible, position)
        np.testing.assert_allclose(
            ops.convert_to_numpy(found)[:, 0], called[:, position], atol=1e-5
        )
    assert caches[0]["keys"].shape == (3, 2, 7, 4)
