"""What attention may look at."""

import keras
import numpy as np

from kerasft.layers import causal_mask, padding_mask


def test_padding_is_hidden():
    mask = keras.ops.convert_to_numpy(padding_mask(np.array([[5, 6, 1], [1, 1, 7]]), pad_id=1))
    assert mask.shape == (2, 1, 1, 3) and mask.dtype == bool
    assert mask[:, 0, 0].tolist() == [[True, True, False], [False, False, True]]


def test_the_future_is_hidden():
    mask = keras.ops.convert_to_numpy(causal_mask(3))
    assert mask.shape == (1, 1, 3, 3) and mask.dtype == bool
    np.testing.assert_array_equal(mask[0, 0], np.tril(np.ones((3, 3), bool)))
