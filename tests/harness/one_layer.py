"""Models of one projection, with every kind of equation that methods adapt."""

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np

from harness import small

EQUATIONS: dict[str, Any] = {
    "dense": None,
    "query": ("abc,cde->abde", (None, 2, 3), "de", (4, 5, 6)),
    "output": ("abcd,cde->abe", (None, 5), "e", (4, 5, 2, 3)),
    "ellipsis": ("...x,xy->...y", 5, "y", (4, 5, 6)),
    "left ellipsis": ("...x,yx->...y", 5, "y", (4, 5, 6)),
    "kernel in another order": ("abc,dec->abde", (None, 2, 3), "de", (4, 5, 6)),
    "no bias": ("ab,bc->ac", (5,), None, (4, 6)),
}


def one_layer(kind: str, **options) -> tuple[keras.Model, np.ndarray]:
    """A model of one plain layer, and an input for it."""
    if EQUATIONS[kind] is None:
        shape = (4, 5, 6)
        layer = keras.layers.Dense(5, name="layer", **options)
    else:
        equation, output, bias, shape = EQUATIONS[kind]
        layer = keras.layers.EinsumDense(equation, output, bias_axes=bias, name="layer", **options)
    x = keras.Input(shape[1:])
    model = keras.Model(x, layer(x))
    small.randomize(model.weights)
    return model, np.random.default_rng(2).standard_normal(shape).astype("float32")


def as_matrix(layer: keras.layers.Layer) -> np.ndarray:
    """A kernel as (in, out), whatever the order of its dimensions."""
    kernel = small.numpy(layer._kernel)
    equation = getattr(layer, "equation", "")
    if equation.startswith(("...x,yx", "abc,dec")):
        return np.moveaxis(kernel, -1, 0).reshape(kernel.shape[-1], -1)
    into = 2 if equation.startswith("abcd") else 1
    return kernel.reshape(math.prod(kernel.shape[:into]), -1)


def assert_saved_by_keras(layer: keras.layers.Layer, file: Path) -> None:
    """An adapted layer that was constructed as such: its model is saved, and loaded the same."""
    model = keras.Sequential([keras.Input((6,)), layer])
    small.randomize(model.weights)
    x = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    model.save(file)
    again = keras.saving.load_model(file)
    assert again.layers[0].adapter.settings == layer.adapter.settings
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
