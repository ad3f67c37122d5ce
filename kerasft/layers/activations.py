"""The functions between two linear maps, by our names."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


def _gelu(x: Any) -> Any:
    return ops.gelu(x, approximate=False)


@keras.saving.register_keras_serializable(package="kerasft")
def gelu_approximate(x: Any) -> Any:
    """GELU with a tanh in the place of erf, of a tensor of any shape."""
    return ops.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": _gelu,
    "gelu_approximate": gelu_approximate,
    "relu": ops.relu,
    "silu": ops.silu,
    "tanh": ops.tanh,
}
"""Function by name. "gelu" is the exact one, with erf; "gelu_approximate" has a tanh in its place
(Hendrycks and Gimpel 2016, section 2)."""
