"""Token ids to scaled vectors."""

import keras
import numpy as np

from harness.gradients import value_and_gradients
from kerasft.layers import InputEmbedding

TOKENS = np.array([[2, 7, 7], [0, 9, 3]], "int32")


def built() -> InputEmbedding:
    layer = InputEmbedding(vocab_size=10, d_model=16, name="embedding")
    layer.build((None, None))
    return layer


def test_rows_of_the_table_times_the_root_of_d_model():
    layer = built()
    table = keras.ops.convert_to_numpy(layer.embeddings)
    found = keras.ops.convert_to_numpy(layer(TOKENS))
    np.testing.assert_allclose(found, table[TOKENS] * 4.0, rtol=1e-6)


def test_the_table_is_xavier_uniform():
    table = keras.ops.convert_to_numpy(built().embeddings)
    limit = np.sqrt(6 / (10 + 16))
    assert 0.8 * limit < np.abs(table).max() <= limit


def test_gradients_reach_the_tokens_rows_alone():
    layer = built()
    direction = np.random.default_rng(0).normal(size=(2, 3, 16)).astype("float32")
    _, [gradient] = value_and_gradients(lambda: layer(TOKENS), [], [layer.embeddings], direction)
    expected = np.zeros((10, 16), "float32")
    np.add.at(expected, TOKENS, 4.0 * direction)
    np.testing.assert_allclose(gradient, expected, atol=1e-5)
