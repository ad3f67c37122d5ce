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


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("buckets", "farthest"), SIZES)
def test_buckets_equal_those_of_transformers(bidirectional, buckets, farthest):
    """At every distance, those included where the border of two buckets is a matter of rounding."""
    distances = np.arange(-farthest - 50, farthest + 51)
    expected = Theirs._relative_position_bucket(
        torch.tensor(distances), bidirectional, buckets, farthest
    )
    found = relative_position_buckets(distances, bidirectional, buckets, farthest)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected.numpy())
    assert len(set(found.tolist())) <= buckets


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
