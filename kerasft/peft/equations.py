"""How an einsum splits in two: "abc,cde->abde" into "abc,cz->abz" and "abz,zde->abde"."""

import string
from dataclasses import dataclass

from kerasft.errors import AdapterError


@dataclass(frozen=True)
class Factors:
    """The two thin products that stand beside x W.

    Attributes:
        down: Equation of x A, e.g. "abc,cz->abz"; z is the rank.
        up: Equation of (x A) B, e.g. "abz,zde->abde".
        product: Equation of A B, which has the kernel's shape, e.g. "cz,zde->cde".
        in_shape: The kernel's contracted dimensions, A's shape without the rank.
        out_shape: The kernel's other dimensions, B's shape without the rank.
    """

    down: str
    up: str
    product: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]


def dense_factors(kernel_shape: tuple[int, ...]) -> Factors:
    """The factors of a `Dense` kernel `(in, units)`."""
    return Factors(
        "...i,iz->...z", "...z,zo->...o", "iz,zo->io", kernel_shape[:1], kernel_shape[1:]
    )


def einsum_factors(equation: str, kernel_shape: tuple[int, ...], where: str) -> Factors:
    """The factors of an `EinsumDense` kernel.

    Args:
        equation: The layer's equation, e.g. "abc,cde->abde" or "...x,xy->...y".
        kernel_shape: The kernel's shape.
        where: The layer's path, for the error.

    Raises:
        AdapterError: The equation is no plain projection: a kernel index is shared by input and
            output (a separate matrix for each of its values), an index repeats, or none is
            contracted.
    """
    left, result = equation.replace(" ", "").split("->")
    source, kernel = left.split(",")
    letters = source.replace("...", ""), kernel, result.replace("...", "")
    contracted = [c for c in kernel if c in letters[0] and c not in letters[2]]
    produced = [c for c in kernel if c in letters[2] and c not in letters[0]]
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
            f"Layer {where!r} cannot take a LoRA adapter because of its equation {equation!r} "
            f"({problem}); leave it out of the targets."
        )
    rank = next(c for c in reversed(string.ascii_letters) if c not in equation)
    a, b = "".join(contracted) + rank, rank + "".join(produced)
    kept = "".join(c for c in source if c not in contracted)  # the ellipsis, if any, stays
    size = dict(zip(kernel, kernel_shape, strict=True))
    return Factors(
        down=f"{source},{a}->{kept}{rank}",
        up=f"{kept}{rank},{b}->{result}",
        product=f"{a},{b}->{kernel}",
        in_shape=tuple(size[c] for c in contracted),
        out_shape=tuple(size[c] for c in produced),
    )
