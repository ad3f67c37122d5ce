"""Layers that compute activation(x W + b), and how an einsum splits in two.

"abc,cde->abde" is x W; with a thin matrix each, "abc,cz->abz" and "abz,zde->abde" are (x A) B.
"""

import string
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from kerasft.errors import AdapterError

PROJECTIONS = (keras.layers.Dense, keras.layers.EinsumDense)


@dataclass(frozen=True)
class Factors:
    """How the dimensions of a kernel W divide into those of the input and those of the output.

    Attributes:
        down: Equation of x A, e.g. "abc,cz->abz"; z is the rank.
        up: Equation of (x A) B, e.g. "abz,zde->abde".
        product: Equation of A B, which has the kernel's shape, e.g. "cz,zde->cde".
        in_shape: The kernel's contracted dimensions, A's shape without the rank.
        out_shape: The kernel's other dimensions, B's shape without the rank.
        in_axes: Which of the kernel's axes are contracted.
        in_scale: Equation of W times a vector over the contracted dimensions, "cde,c->cde".
        out_scale: Equation of W times a vector over the other dimensions, "cde,de->cde".
        ends: Whether input and output end with these dimensions, in this order, so that a vector
            over them is multiplied by as it is.
    """

    down: str
    up: str
    product: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    in_axes: tuple[int, ...]
    in_scale: str
    out_scale: str
    ends: bool


def factors_of(layer: Any) -> Factors:
    """How a built `Dense` or `EinsumDense` divides.

    Raises:
        AdapterError: The equation of the `EinsumDense` is no plain projection.
    """
    equation = layer.equation if isinstance(layer, keras.layers.EinsumDense) else "...i,io->...o"
    return einsum_factors(equation, tuple(layer._kernel.shape), where=layer.path)


def einsum_factors(equation: str, kernel_shape: tuple[int, ...], where: str) -> Factors:
    """The factors of a kernel.

    Args:
        equation: The layer's equation, e.g. "abc,cde->abde" or "...x,xy->...y".
        where: The layer's path, for the error.

    Raises:
        AdapterError: The equation is no plain projection: a kernel index is shared by input and
            output (a separate matrix for each of its values), an index repeats, or none is
            contracted.
    """
    left, result = equation.replace(" ", "").split("->")
    source, kernel = left.split(",")
    letters = source.replace("...", ""), kernel, result.replace("...", "")
    contracted = "".join(c for c in kernel if c in letters[0] and c not in letters[2])
    produced = "".join(c for c in kernel if c in letters[2] and c not in letters[0])
    problem = None
    if any(len(set(part)) != len(part) for part in letters):
        problem = "it repeats an index"
    elif shared := [c for c in kernel if c in letters[0] and c in letters[2]]:
        problem = f"index {shared[0]!r} is in input, kernel and output"
    elif len(contracted) + len(produced) != len(kernel):
        problem = "it sums over an index of the kernel alone"
    elif not contracted:
        problem = "it contracts no index"
    if problem:
        raise AdapterError(
            f"Layer {where!r} cannot be adapted because of its equation {equation!r} ({problem}); "
            "leave it out of the targets."
        )
    # Of lower case: Keras infers the shape of no other.
    rank = next(c for c in reversed(string.ascii_lowercase) if c not in equation)
    a, b = contracted + rank, rank + produced
    kept = "".join(c for c in source if c not in contracted)  # the ellipsis, if any, stays
    size = dict(zip(kernel, kernel_shape, strict=True))
    return Factors(
        down=f"{source},{a}->{kept}{rank}",
        up=f"{kept}{rank},{b}->{result}",
        product=f"{a},{b}->{kernel}",
        in_shape=tuple(size[c] for c in contracted),
        out_shape=tuple(size[c] for c in produced),
        in_axes=tuple(kernel.index(c) for c in contracted),
        in_scale=f"{kernel},{contracted}->{kernel}",
        out_scale=f"{kernel},{produced}->{kernel}",
        ends=source.endswith(contracted) and result.endswith(produced),
    )


def check_projection(layer: Any, title: str) -> None:
    """Refuses a layer whose x W cannot be computed beside something else.

    Args:
        layer: A built layer.
        title: What it is to take: "an adapter".

    Raises:
        AdapterError: It names the layer and the reason.
    """
    name = f"Layer {layer.path!r} cannot take {title} because it"
    if type(layer) not in PROJECTIONS:
        raise AdapterError(
            f"{name} is a {type(layer).__name__} and not a Dense or EinsumDense; leave it out of "
            "the targets."
        )
    if layer.quantization_mode is not None:
        raise AdapterError(
            f"{name} is quantized ({layer.quantization_mode}); leave it out of the targets."
        )
    if layer.kernel is not layer._kernel:
        raise AdapterError(f"{name} has an adapter of Keras's own; build the model without it.")
    factors_of(layer)


def project(layer: Any, x: Any) -> Any:
    """Computes x W.

    Args:
        layer: A `Dense` or `EinsumDense`, adapted or not.
        x: Its input, `(..., *contracted dims)`.

    Returns:
        `(..., *output dims)`, without bias and activation.
    """
    if isinstance(layer, keras.layers.EinsumDense):
        return ops.einsum(layer.equation, x, layer.kernel)
    return ops.matmul(x, layer.kernel)


def finish(layer: Any, y: Any, scale: Any = None) -> Any:
    """Adds the bias to x W and applies the activation, as the plain layer does.

    Args:
        layer: A `Dense` or `EinsumDense`, adapted or not.
        y: x W, `(..., *output dims)`.
        scale: What is multiplied by before the activation, `(*output dims)`, if anything.
    """
    if layer.bias is not None:
        y = ops.add(y, layer.bias)
    if scale is not None:
        y = ops.multiply(y, scale)
    return y if layer.activation is None else layer.activation(y)
