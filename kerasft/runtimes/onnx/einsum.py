"""A sum of products over named axes, `keras.ops.einsum`, as one product of matrices."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from kerasft.runtimes.onnx.graph import Graph, not_written
from kerasft.runtimes.onnx.trace import Constant, Shape, Size


def einsum(graph: Graph, subscripts: str, operands: Sequence[Any]) -> str:
    """Writes a product of two arrays as one of matrices, between reshapes and transposes.

    Args:
        graph: It grows.
        subscripts: "abc,cd->abd".
        operands: The two arrays, `Tensor`s or `Constant`s.

    Returns:
        The name of the result.

    Raises:
        ConfigError: It is none of two arrays, or an axis of one is summed by itself.
    """
    given, _, result = _spelled_out(subscripts.replace(" ", ""), operands).partition("->")
    words = given.split(",")
    if len(words) != 2 or "." in given or not _is_product(words[0], words[1], result):
        raise not_written(f"einsum {subscripts!r}")
    if _first_own(words[1], words[0], result) < _first_own(words[0], words[1], result):
        # So that the product comes out in the order of the result.
        words, operands = words[::-1], operands[::-1]
    left, right = words
    sizes = {
        letter: size
        for word, operand in zip(words, operands, strict=True)
        for letter, size in zip(word, operand.shape, strict=True)
    }
    shared = [letter for letter in result if letter in left and letter in right]
    rows = [letter for letter in result if letter not in right]
    columns = [letter for letter in result if letter not in left]
    summed = [letter for letter in left if letter not in result]
    # A matrix of weights meets the rows as they are, however many axes they have.
    groups = [[letter] for letter in shared]
    over = [*groups, *([[letter] for letter in rows] if not shared else [rows])]
    product = graph.add(
        "MatMul",
        _grouped(graph, operands[0], left, [*over, summed], sizes),
        _grouped(graph, operands[1], right, [*groups, summed, columns], sizes),
    )
    order = [*shared, *rows, *columns]
    apart = tuple(sizes[letter] for letter in order)
    name = graph.reshape(product, _merged([*over, columns], sizes), apart)
    return graph.transpose(name, [order.index(letter) for letter in result])


def _spelled_out(subscripts: str, operands: Sequence[Any]) -> str:
    """The subscripts with letters of upper case, as keras.ops has none, in place of "..."."""
    for word, operand in zip(subscripts.partition("->")[0].split(","), operands, strict=False):
        if "..." in word:
            axes = string.ascii_uppercase[: len(operand.shape) - len(word) + len("...")]
            return subscripts.replace("...", axes)
    return subscripts


def _is_product(left: str, right: str, result: str) -> bool:
    """Whether each axis is in the result, or in both operands, and stands nowhere twice."""
    once = all(len(set(word)) == len(word) for word in (left, right, result))
    alone = set(left) ^ set(right)
    return once and alone <= set(result) <= set(left + right) and alone != set()


def _first_own(word: str, other: str, result: str) -> int:
    """The place in the result of the first axis that only this operand has."""
    return min((result.index(a) for a in word if a not in other), default=len(result))


def _grouped(
    graph: Graph, value: Any, word: str, groups: list[list[str]], sizes: dict[str, Any]
) -> str:
    """An operand with its axes in the order of the groups, each group being one axis."""
    order = [word.index(letter) for group in groups for letter in group]
    after = _merged(groups, sizes)
    if isinstance(value, Constant):
        return graph.constant(value.array.transpose(order).reshape(after))
    before = tuple(sizes[word[axis]] for axis in order)
    return graph.reshape(graph.transpose(value, order), before, after)


def _merged(groups: list[list[str]], sizes: dict[str, Any]) -> Shape:
    return tuple(_product([sizes[letter] for letter in group]) for group in groups)


def _product(sizes: Sequence[int | Size]) -> int | Size:
    pairs = [size if isinstance(size, Size) else Size(size, size) for size in sizes]
    first, second = (math.prod(each) for each in zip(*pairs, strict=True)) if pairs else (1, 1)
    return first if first == second else Size(first, second)
