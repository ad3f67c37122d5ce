"""The encoder beside torch.nn.TransformerEncoder, block by block and as a stack."""

import keras
import numpy as np
import pytest
import torch

from harness.torch_twins import ENCODER_BLOCK, assert_same, copy, randomized, stack
from kerasft.layers import Encoder, EncoderBlock

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 6, 8)).astype("float32")
LENGTHS = np.array([6, 4, 1])
PADDING = np.arange(6) >= LENGTHS[:, None]  # (3, 6), True at padding
VISIBLE = ~PADDING[:, None, None, :]


def torch_block(norm_first: bool) -> torch.nn.TransformerEncoderLayer:
    return torch.nn.TransformerEncoderLayer(
        8, 2, 12, dropout=0.0, batch_first=True, norm_first=norm_first
    )


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_equals_torch(norm_first):
    module = randomized(torch_block(norm_first))
    block = EncoderBlock(8, 2, 12, dropout=0.0, norm_first=norm_first, name="block")
    block.build(X.shape)
    copy(module, block, ENCODER_BLOCK)
    mask = keras.ops.convert_to_tensor(VISIBLE)
    assert_same(
        block,
        lambda x: block(x, source_mask=mask),
        module,
        lambda x: module(x, src_key_padding_mask=torch.tensor(PADDING)),
        ENCODER_BLOCK,
        [X],
    )


def test_a_stack_equals_torch():
    module = randomized(
        torch.nn.TransformerEncoder(
            torch_block(norm_first=True), 2, norm=torch.nn.LayerNorm(8), enable_nested_tensor=False
        )
    )
    encoder = Encoder(2, 8, 2, 12, dropout=0.0, name="encoder")
    encoder.build(X.shape)
    table = stack(ENCODER_BLOCK, 2)
    copy(module, encoder, table)
    mask = keras.ops.convert_to_tensor(VISIBLE)
    assert_same(
        encoder,
        lambda x: encoder(x, source_mask=mask),
        module,
        lambda x: module(x, src_key_padding_mask=torch.tensor(PADDING)),
        table,
        [X],
    )


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_padded_batch_equals_its_rows_alone(norm_first):
    encoder = Encoder(2, 8, 2, 12, dropout=0.5, norm_first=norm_first)
    batch = keras.ops.convert_to_numpy(encoder(X, source_mask=VISIBLE))
    for row, length in enumerate(LENGTHS):
        alone = keras.ops.convert_to_numpy(encoder(X[row : row + 1, :length]))
        np.testing.assert_allclose(batch[row, :length], alone[0], atol=1e-5)


@pytest.mark.parametrize("norm_first", [True, False])
def test_only_norm_first_ends_with_a_norm(norm_first):
    encoder = Encoder(2, 8, 2, 12, norm_first=norm_first, name="encoder")
    encoder.build(X.shape)
    assert ("encoder/norm/alpha" in [w.path for w in encoder.weights]) == norm_first
