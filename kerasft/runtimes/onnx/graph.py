"""An ONNX graph that grows operator by operator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.errors import ConfigError
from kerasft.runtimes.onnx.model_file import OPSET
from kerasft.runtimes.onnx.trace import Constant, Shape, Size, Tensor

if TYPE_CHECKING:
    import onnx

IR_VERSION = 8  # its contemporary, so that older runtimes read the file too
TYPES = {"float32": 1, "int32": 6, "int64": 7, "bool": 9}
"""Our types -> their numbers in `onnx.TensorProto.DataType`."""


def not_written(what: str) -> ConfigError:
    """The refusal of what a model computes: "Floor"."""
    return ConfigError(
        f"The model computes {what}, which is not written to ONNX; use --engine keras."
    )


class Graph:
    """The operators and constants of a model.

    A value in the graph is known by its name, a `str`. Where a method takes a `Tensor`, a
    `Constant` or a number instead, it writes down what is needed for a name.

    Attributes:
        names: The name of each `Tensor` by its number.
        constants: The arrays by their names.
    """

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.constants: dict[str, np.ndarray] = {}
        self._nodes: list[Any] = []
        self._known: dict[Any, str] = {}  # what was written once -> its name
        self._sizes: dict[Size, tuple[str, int]] = {}  # a value that has the size, and its axis

    def name_tensor(self, tensor: Tensor, name: str) -> None:
        """Says under which name a tensor stands in the graph."""
        self.names[tensor.number] = name
        for axis, size in enumerate(tensor.shape):
            if isinstance(size, Size):
                self._sizes.setdefault(size, (name, axis))

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        """Adds one operator and returns the name of its output."""
        from onnx import helper

        output = f"{operator}_{len(self._nodes)}"
        names = [self.value(each) for each in inputs]
        self._nodes.append(helper.make_node(operator, names, [output], **attributes))
        return output

    def once(self, operator: str, *inputs: str) -> str:
        """`add`, if there is not the same already."""
        key = (operator, *inputs)
        if key not in self._known:
            self._known[key] = self.add(operator, *inputs)
        return self._known[key]

    def value(self, value: Any, dtype: str | None = None) -> str:
        """The name of a value.

        Args:
            value: A name, a `Tensor`, a `Constant`, a number or an array.
            dtype: The type that it is to have; as it is, if None.
        """
        if isinstance(value, str):
            return value
        if isinstance(value, Tensor):
            name = self.names[value.number]
            return name if dtype in (None, value.dtype) else self.cast(name, dtype)
        if isinstance(value, Constant):
            return self._beginning(value, dtype or value.dtype)
        return self.constant(value, dtype)

    def constant(self, value: Any, dtype: str | None = None) -> str:
        """Adds a constant, or finds it, and returns its name."""
        array = np.ascontiguousarray(np.asarray(value, dtype=dtype)).reshape(np.shape(value))
        if array.dtype.name not in TYPES:
            raise not_written(f"with numbers of the type {array.dtype}")
        key = (array.dtype.name, array.shape, hashlib.blake2b(array.tobytes()).digest())
        if key not in self._known:
            self._known[key] = f"constant_{len(self.constants)}"
            self.constants[self._known[key]] = array
        return self._known[key]

    def integers(self, values: Sequence[int]) -> str:
        """A constant (count,) int64: axes, places, ..."""
        return self.constant(np.asarray(values, dtype="int64"))

    def cast(self, name: str, dtype: str | None) -> str:
        """The value in another type."""
        if dtype not in TYPES:
            raise not_written(f"with numbers of the type {dtype}")
        if (name, dtype) not in self._known:
            self._known[name, dtype] = self.add("Cast", name, to=TYPES[dtype])
        return self._known[name, dtype]

    def sizes(self, shape: Shape, start: Shape | None = None) -> str:
        """A shape as a value (dimensions,) int64.

        Args:
            shape: The dimensions.
            start: Of a reshape, what the shape was; so most need not be looked up.
        """
        parts: list[int | str] = []
        for axis, size in enumerate(shape):
            if not isinstance(size, Size):
                parts.append(size)
            elif start is not None and axis < len(start) and start[axis] == size:
                parts.append(0)  # which stands for: as it was
            elif start is not None and -1 not in parts:
                parts.append(-1)  # whatever is left
            else:
                parts.append(self._size(size))
        if all(isinstance(part, int) for part in parts):
            return self.integers(parts)  # type: ignore[arg-type]
        pieces = [part if isinstance(part, str) else self.integers([part]) for part in parts]
        return pieces[0] if len(pieces) == 1 else self.add("Concat", *pieces, axis=0)

    def reshape(self, value: Any, before: Shape, after: Shape) -> str:
        """The value in another shape."""
        return self.value(value) if before == after else self.add(
            "Reshape", value, self.sizes(after, before)
        )  # fmt: skip

    def transpose(self, value: Any, order: Sequence[int]) -> str:
        """The value with its axes in another order."""
        if list(order) == sorted(order):
            return self.value(value)
        return self.add("Transpose", value, perm=list(order))

    def _size(self, size: Size) -> str:
        """One size as (1,) int64."""
        if size not in self._known:
            name, axis = self._sizes[size]
            self._known[size] = self.add("Shape", name, start=axis, end=axis + 1)
        return self._known[size]

    def _beginning(self, constant: Constant, dtype: str) -> str:
        whole = self.constant(constant.array, dtype)
        axes = [axis for axis, size in enumerate(constant.shape) if isinstance(size, Size)]
        if not axes:
            return whole
        ends = self.sizes(tuple(constant.shape[axis] for axis in axes))
        key = (whole, ends)
        if key not in self._known:
            starts = self.integers([0] * len(axes))
            self._known[key] = self.add("Slice", whole, starts, ends, self.integers(axes))
        return self._known[key]

    def to_model(
        self,
        name: str,
        inputs: Mapping[str, Tensor],
        output: tuple[str, Tensor],
        axes: Mapping[Size, str],
        facts: Mapping[str, str],
    ) -> onnx.ModelProto:
        """The finished graph.

        Args:
            name: Of the graph.
            axes: The names of sizes: {Size(7, 11): "batch"}.
            facts: For readers of the file: {"max_length": "128"}.
        """
        from onnx import helper, numpy_helper

        def described(name: str, tensor: Tensor) -> Any:
            shape = [axes.get(s, "size") if isinstance(s, Size) else s for s in tensor.shape]
            return helper.make_tensor_value_info(name, TYPES[tensor.dtype], shape)

        written = (
            helper.make_node("Identity", [self.names[output[1].number]], [output[0]]),
            *reversed(self._nodes),
        )
        used: set[str] = set()
        kept: list[Any] = []
        for node in written:  # from the end: unused nodes are left out
            if used.intersection(node.output) or not kept:
                used.update(node.input)
                kept.append(node)
        graph = helper.make_graph(
            kept[::-1],
            name,
            [described(*each) for each in inputs.items()],
            [described(*output)],
            [numpy_helper.from_array(a, n) for n, a in self.constants.items() if n in used],
        )
        model = helper.make_model(
            graph,
            producer_name="kerasft",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        helper.set_model_props(model, dict(facts))
        return model
