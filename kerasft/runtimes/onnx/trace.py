"""A model as a list of the operations of `keras.ops` that it computes, on any backend.

The model is called on `keras.KerasTensor`s, which have a shape and a type but no numbers, while
layers pass them straight to their `call`. What arrives at an operation is noted down.

Nothing in a graph may depend on how long the texts were while it was recorded. So the model is
called twice, with different batches and lengths: a number that differs stands for a size that is
known only when the graph runs. An array that differs, such as the first rows of a table of
positions, must be the beginning of the longer one; that one is kept, to be cut when the graph runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasft.errors import ConfigError

BATCHES = (7, 11)
"""Rows in the two calls. A size of the model's own may equal one of them, but not both."""


class Size(NamedTuple):
    """A dimension that is known only when the graph runs: what it was in either call."""

    first: int
    second: int


Shape = tuple[int | Size, ...]


@dataclass(frozen=True)
class Tensor:
    """What an operation computes, or an input.

    Attributes:
        number: The order in which it appeared.
        shape: Its dimensions.
        dtype: "float32", "int32", "int64" or "bool".
    """

    number: int
    shape: Shape
    dtype: str


@dataclass(frozen=True, eq=False)
class Constant:
    """A weight, or another array that does not depend on the inputs.

    Attributes:
        array: Its numbers at the longest length.
        shape: Its dimensions; where one is a `Size`, the array's beginning is meant.
    """

    array: np.ndarray
    shape: Shape

    @property
    def dtype(self) -> str:
        """Its type."""
        return self.array.dtype.name


@dataclass(frozen=True)
class Step:
    """One operation of `keras.ops`.

    Attributes:
        name: Its class: "Matmul", "LayerNorm".
        settings: What it was made with: {"axis": -1}.
        arguments: What it was called with: `Tensor`s, `Constant`s, numbers, slices, ...
        named: The same, of those that were given by name.
        output: What it computes; a list, if more than one.
    """

    name: str
    settings: dict[str, Any]
    arguments: tuple
    named: dict[str, Any]
    output: Any


class Trace(NamedTuple):
    """A model.

    Attributes:
        steps: Its operations, in the order in which they are computed.
        output: What it returns.
    """

    inputs: dict[str, Tensor]
    steps: list[Step]
    output: Tensor


def trace(call: Callable[..., Any], inputs: Mapping[str, keras.KerasTensor], longest: int) -> Trace:
    """Records what a function computes of its inputs.

    Args:
        call: From inputs by name to one tensor, by layers that are built and `keras.ops`.
        inputs: Shape and type of each; the first dimension, if None, is the batch, each other None
            the length.
        longest: The greatest length that the graph is to be used with, 3 or more.

    Raises:
        ConfigError: Something depends on the length or the batch in a way that no graph can follow.

    Example:
        >>> trace(lambda x: dense(x), {"x": keras.KerasTensor((None, None, 8))}, 64).steps[0].name
        'Matmul'
    """
    calls = [
        _record(call, inputs, batch, length)
        for batch, length in zip(BATCHES, (longest, longest - 1), strict=True)
    ]
    names = [[type(made[0]).__name__ for made in found.made] for found in calls]
    if names[0] != names[1]:
        raise ConfigError("the model computes texts of other lengths by other operations.")
    tensors: dict[int, Tensor] = {}

    def same(first: Any, second: Any) -> Any:
        """What two values mean, of which each was seen in one of the calls."""
        if isinstance(first, keras.KerasTensor):
            if id(first) not in tensors:
                shape = tuple(map(same, first.shape, second.shape))
                tensors[id(first)] = Tensor(len(tensors), shape, str(first.dtype))
            return tensors[id(first)]
        if hasattr(first, "shape") and hasattr(first, "dtype"):
            return _constant(first, second)
        if isinstance(first, slice):
            ends = zip(*((s.start, s.stop, s.step) for s in (first, second)), strict=True)
            return slice(*(same(*each) for each in ends))
        if isinstance(first, (list, tuple)):
            return type(first)(same(*each) for each in zip(first, second, strict=True))
        if isinstance(first, dict):
            return {name: same(value, second[name]) for name, value in first.items()}
        if first != second:
            return Size(first, second)
        return first

    first, second = calls
    read = same(first.inputs, second.inputs)
    steps = [
        Step(type(one[0]).__name__, *map(same, (_settings(one[0]), *one[1:]),
                                         (_settings(other[0]), *other[1:])))
        for one, other in zip(first.made, second.made, strict=True)
    ]  # fmt: skip
    return Trace(read, steps, same(first.output, second.output))


class _Call(NamedTuple):
    inputs: dict[str, keras.KerasTensor]
    made: list[tuple]  # operation, arguments, named arguments, output
    output: keras.KerasTensor


def _record(
    call: Callable[..., Any], inputs: Mapping[str, keras.KerasTensor], batch: int, length: int
) -> _Call:
    given = {}
    for name, spec in inputs.items():
        shape = [length if size is None else size for size in spec.shape]
        if spec.shape[0] is None:
            shape[0] = batch
        given[name] = keras.KerasTensor(shape, dtype=spec.dtype, name=name)
    with _recorder() as made:
        return _Call(given, made, call(**given))


@contextmanager
def _recorder() -> Iterator[list[tuple]]:
    """Notes down each operation that is called on `KerasTensor`s."""
    made: list[tuple] = []

    def call(layer: Any, *inputs: Any, training: Any = None, **named: Any) -> Any:
        return layer.call(*inputs, **named)  # without dropout: nothing here trains

    def note(operation: Any, *arguments: Any, **named: Any) -> Any:
        output = operation.compute_output_spec(*arguments, **named)
        made.append((operation, arguments, named, output))
        return output

    kept = keras.Layer.__call__, keras.Operation.symbolic_call
    keras.Layer.__call__, keras.Operation.symbolic_call = call, note
    try:
        yield made
    finally:
        keras.Layer.__call__, keras.Operation.symbolic_call = kept


def _settings(operation: Any) -> dict[str, Any]:
    own = {name: value for name, value in vars(operation).items() if not name.startswith("_")}
    return {name: value for name, value in own.items() if name != "name"}


def _constant(first: Any, second: Any) -> Constant:
    array = keras.ops.convert_to_numpy(first)
    if first is second:
        return Constant(array, array.shape)
    other = keras.ops.convert_to_numpy(second)
    shape = tuple(
        size if size == smaller else Size(size, smaller)
        for size, smaller in zip(array.shape, other.shape, strict=True)
    )
    if not np.array_equal(array[tuple(map(slice, other.shape))], other):
        raise ConfigError(
            f"an array {array.shape} of the model depends on the length or the batch, and is no "
            "beginning of a longer one."
        )
    return Constant(array, shape)
