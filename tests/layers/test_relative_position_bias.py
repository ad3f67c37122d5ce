"""The buckets of relative positions, against transformers', and the bias made of them."""

import keras
import numpy as np
import pytest
import torch
from transformers.models.t5.modeling_t5 import T5Attention as Theirs

from kerasft.errors import ConfigError
from kerasft.layers import RelativePositionBias
from kerasft.layers.relative_position_bias import relative_position_buckets

SIZES = [(32, 128), (4, 3), (5, 3), (7, 9), (8, 20), (9, 128), (16, 64), (18, 128), (48, 60),
         (54, 125), (64, 256), (65, 108), (83, 1000), (111, 147), (128, 1024)]  # fmt: skip


def on_a_border(distances, bidirectional, buckets, farthest):
    """Whether two buckets meet at a distance, so closely that a float32 cannot tell the side."""
    buckets = buckets // 2 if bidirectional else buckets
    exact = buckets // 2
    behind = np.abs(distances) if bidirectional else -np.minimum(distances, 0)
    share = np.log(np.maximum(behind, exact) / exact) / np.log(farthest / exact)
    step = share * (buckets - exact)
    return (behind > exact) & (np.abs(step - np.round(step)) < 1e-5)


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "farthest"), SIZES)
def test_buckets_equal_those_of_transformers(bidirectional, buckets, farthest):
    """At every distance; on a border torch's own answer depends on the processor's logarithm."""
    distances = np.arange(-farthest - 50, farthest + 51)
    expected = Theirs._relative_position_bucket(
        torch.tensor(distances), bidirectional, buckets, farthest
    )
    found = relative_position_buckets(distances, bidirectional, buckets, farthest)
    assert found.dtype == np.int32
    border = on_a_border(distances, bidirectional, buckets, farthest)
    assert border.mean() < 0.1
    np.testing.assert_array_equal(found[~border], expected.numpy()[~border])
    assert np.abs(found - expected.numpy()).max() <= 1
    assert len(set(found.tolist())) <= buckets


def test_a_border_of_t5s_own_sizes_belongs_to_the_farther_bucket():
    distances = -np.array([15, 16, 31, 32, 63, 64, 127, 128])
    found = relative_position_buckets(distances, True, 32, 128)
    np.testing.assert_array_equal(found, [9, 10, 11, 12, 13, 14, 15, 15])


def bias(bidirectional: bool, buckets: int = 7, farthest: int = 9) -> RelativePositionBias:
    layer = RelativePositionBias(3, bidirectional, buckets, farthest)
    layer.build()
    layer.embeddings.assign(np.random.default_rng(0).normal(size=(buckets, 3)))
    return layer


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_square_is_the_table_at_the_buckets(bidirectional):
    layer, length = bias(bidirectional), 14  # longer than the farthest distance
    table = keras.ops.convert_to_numpy(layer.embeddings)
    found = keras.ops.convert_to_numpy(layer.square(length))
    assert found.shape == (1, 3, length, length)
    for query in range(length):
        for key in range(length):
            distance = np.array(key - query)
            bucket = relative_position_buckets(distance, bidirectional, 7, 9)
            np.testing.assert_array_equal(found[0, :, query, key], table[bucket])


def test_what_stands_behind_is_the_last_row_backwards():
    layer = bias(bidirectional=False)
    behind = keras.ops.convert_to_numpy(layer.behind(14))
    square = keras.ops.convert_to_numpy(layer.square(14))
    np.testing.assert_array_equal(behind, square[0, :, -1, ::-1])


@pytest.mark.parametrize(
    ("buckets", "farthest", "words"), [(3, 9, "there are 3 buckets"), (8, 4, "is 4, but the near")]
)
def test_buckets_that_cannot_be_are_refused(buckets, farthest, words):
    with pytest.raises(ConfigError, match=words):
        RelativePositionBias(2, True, buckets, farthest)
