"""The functions between two linear maps, by our names."""

from collections.abc import Callable
from typing import Any

from keras import ops


def _gelu(x: Any) -> Any:
    return ops.gelu(x, approximate=False)


def _gelu_approximate(x: Any) -> Any:
    return ops.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": _gelu,
    "gelu_approximate": _gelu_approximate,
    "relu": ops.relu,
    "silu": ops.silu,
    "tanh": ops.tanh,
}
"""Function by name. "gelu" is the exact one, with erf; "gelu_approximate" has a tanh in its place
(Hendrycks and Gimpel 2016, section 2)."""
