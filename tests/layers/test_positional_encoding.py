"""Sines and cosines, value by value."""

import math

import keras
import numpy as np
import pytest

from kerasft.errors import DataError
from kerasft.layers import PositionalEncoding, sinusoids


def test_values_of_the_formula():
    table = sinusoids(60, 8)
    assert table.shape == (60, 8) and table.dtype == np.float32
    for position in (0, 1, 17, 59):
        for i in range(4):
            angle = position / 10_000 ** (2 * i / 8)
            assert table[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-6)
            assert table[position, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-6)


def test_known_values():
    # d_model = 4: the wavelengths are 2 pi and 2 pi * 100.
    expected = [
        [0.0, 1.0, 0.0, 1.0],
        [0.84147098, 0.54030231, 0.00999983, 0.99995000],
        [0.90929743, -0.41614684, 0.01999867, 0.99980001],
    ]
    np.testing.assert_allclose(sinusoids(3, 4), expected, atol=1e-7)


def test_an_odd_width_ends_with_a_sine():
    np.testing.assert_allclose(sinusoids(5, 3)[:, 2], np.sin(np.arange(5) / 10_000 ** (2 / 3)))


def test_adds_the_first_positions_and_trains_nothing():
    layer = PositionalEncoding(seq_len=10, d_model=4, dropout=0.5)
    x = np.random.default_rng(0).normal(size=(2, 6, 4)).astype("float32")
    found = keras.ops.convert_to_numpy(layer(x))
    np.testing.assert_allclose(found, x + sinusoids(6, 4), atol=1e-6)
    assert layer.weights == []


def test_one_position_at_a_time():
    layer = PositionalEncoding(seq_len=10, d_model=4)
    for position in (0, 3, 9):
        for given in (position, keras.ops.convert_to_tensor(position)):
            found = keras.ops.convert_to_numpy(layer.at(given))
            np.testing.assert_array_equal(found, sinusoids(10, 4)[position])


def test_the_sum_drops_out_in_training():
    layer = PositionalEncoding(seq_len=50, d_model=40, dropout=0.25)
    x = np.ones((4, 50, 40), "float32")
    sums = keras.ops.convert_to_numpy(layer(x))
    dropped = keras.ops.convert_to_numpy(layer(x, training=True))
    kept = dropped != 0
    assert 0.7 < kept.mean() < 0.8
    np.testing.assert_allclose(dropped[kept], sums[kept] / 0.75, rtol=1e-5)


def test_longer_texts_are_refused_in_one_sentence():
    layer = PositionalEncoding(seq_len=10, d_model=4)
    with pytest.raises(DataError) as caught:
        layer(np.zeros((1, 11, 4), "float32"))
    assert str(caught.value) == (
        "a text of 11 tokens is longer than the model's 10 positions; cut it, or build the model "
        "for longer texts."
    )
