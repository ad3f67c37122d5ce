"""How each operation of `keras.ops` is written in ONNX.

`write_step` looks an operation up in `OPERATIONS`; one that is not there is refused by its name.
To write a further one, add a line to one of the two short tables, or a function with the
operation's own arguments: it gets the graph, the step, and what the operation was called with, and
returns the name of the result. An operator that is new to our files must be let through in
`model_file.OPERATORS` too.

Some patterns are written so that ONNX Runtime knows them again and computes them in one pass:
exact GELU as x / sqrt(2) -> Erf -> + 1, layer normalization as an operator of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from kerasft.layers.masks import HIDDEN
from kerasft.runtimes.onnx.einsum import einsum
from kerasft.runtimes.onnx.graph import Graph, not_written
from kerasft.runtimes.onnx.trace import Constant, Size, Step, Tensor

ARITHMETIC = {
    "Add": "Add", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "TrueDivide": "Div",
    "Maximum": "Max", "Minimum": "Min", "Power": "Pow", "Matmul": "MatMul",
    "Negative": "Neg", "Absolute": "Abs", "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt",
    "Erf": "Erf", "Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Sin": "Sin", "Cos": "Cos",
}  # fmt: skip
"""Operators on numbers of the type that comes out."""

COMPARISONS = {
    "Equal": "Equal", "Greater": "Greater", "GreaterEqual": "GreaterOrEqual", "Less": "Less",
    "LessEqual": "LessOrEqual",
}  # fmt: skip
"""Operators on numbers of the type that both sides fit in."""

LOGIC = {"LogicalAnd": "And", "LogicalOr": "Or", "LogicalNot": "Not"}

REDUCTIONS = {"Mean": "ReduceMean", "Max": "ReduceMax", "Min": "ReduceMin"}

Operation = Callable[..., Any]
OPERATIONS: dict[str, Operation] = {}


def write_step(graph: Graph, step: Step) -> None:
    """Writes one operation, whose output is then known by its name.

    Args:
        graph: It grows.
        step: The operation.

    Raises:
        ConfigError: The operation, or what it asks for, is not among `OPERATIONS`.
    """
    if step.name not in OPERATIONS:
        raise not_written(step.name)
    outputs = OPERATIONS[step.name](graph, step, *step.arguments, **step.named)
    if isinstance(step.output, Tensor):
        graph.name_tensor(step.output, outputs)
    else:
        for tensor, name in zip(step.output, outputs, strict=True):
            graph.name_tensor(tensor, name)


def _operation(*names: str) -> Callable[[Operation], Operation]:
    """Marks what writes the operations of some names."""

    def mark(function: Operation) -> Operation:
        OPERATIONS.update(dict.fromkeys(names, function))
        return function

    return mark


@_operation(*ARITHMETIC)
def _arithmetic(graph: Graph, step: Step, *values: Any) -> str:
    return graph.add(ARITHMETIC[step.name], *(graph.value(v, step.output.dtype) for v in values))


@_operation(*COMPARISONS)
def _comparison(graph: Graph, step: Step, x: Any, y: Any) -> str:
    kinds = [getattr(value, "dtype", None) or type(value) for value in (x, y)]
    dtype = keras.backend.result_type(*kinds)
    return graph.add(COMPARISONS[step.name], graph.value(x, dtype), graph.value(y, dtype))


@_operation("NotEqual")
def _not_equal(graph: Graph, step: Step, x: Any, y: Any) -> str:
    equal = Step("Equal", step.settings, (x, y), {}, step.output)
    return graph.add("Not", _comparison(graph, equal, x, y))


@_operation(*LOGIC)
def _logic(graph: Graph, step: Step, *values: Any) -> str:
    return graph.add(LOGIC[step.name], *(graph.value(value, "bool") for value in values))


@_operation("Where")
def _where(graph: Graph, step: Step, condition: Any, x: Any, y: Any) -> str:
    return _chosen(graph, condition, x, y, step.output.dtype)


def _chosen(graph: Graph, condition: Any, x: Any, y: Any, dtype: str) -> str:
    """Of two values, x where the condition is true, else y."""
    asked = graph.value(condition, "bool")
    if isinstance(y, float) and y <= HIDDEN and isinstance(condition, Tensor):
        # Scores of attention. So low a number swallows what it is added to, and a sum with few
        # numbers is quicker than a choice among many.
        zero, low = (graph.constant(number, dtype) for number in (0.0, y))
        return graph.add("Add", graph.value(x, dtype), graph.once("Where", asked, zero, low))
    return graph.add("Where", asked, graph.value(x, dtype), graph.value(y, dtype))


@_operation("Clip")
def _clip(graph: Graph, step: Step, x: Any) -> str:
    dtype = step.output.dtype
    low, high = (graph.value(step.settings[name], dtype) for name in ("x_min", "x_max"))
    return graph.add("Min", graph.add("Max", graph.value(x, dtype), low), high)


@_operation("Square")
def _square(graph: Graph, step: Step, x: Any) -> str:
    name = graph.value(x, step.output.dtype)
    return graph.add("Mul", name, name)


@_operation("Rsqrt")
def _rsqrt(graph: Graph, step: Step, x: Any) -> str:
    return graph.add("Reciprocal", graph.add("Sqrt", graph.value(x, step.output.dtype)))


@_operation("ReLU")
def _leaky_relu(graph: Graph, step: Step, x: Any) -> str:
    """The activation of that name, whose slope and bounds are seldom given."""
    own = step.settings
    if (own["negative_slope"], own["max_value"], own["threshold"]) != (0.0, None, 0.0):
        raise not_written("ReLU with a slope or bounds")
    return graph.add("Relu", x)


@_operation("Silu")
def _silu(graph: Graph, step: Step, x: Any) -> str:
    return graph.add("Mul", x, graph.add("Sigmoid", x))


@_operation("Gelu")
def _gelu(graph: Graph, step: Step, x: Any) -> str:
    def number(value: float) -> str:
        return graph.constant(value, "float32")

    if step.settings["approximate"]:  # x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2
        cube = graph.add("Mul", graph.add("Mul", x, x), x)
        inner = graph.add("Add", x, graph.add("Mul", cube, number(0.044715)))
        curve = graph.add("Tanh", graph.add("Mul", inner, number(math.sqrt(2 / math.pi))))
    else:  # x (1 + erf(x / sqrt 2)) / 2
        curve = graph.add("Erf", graph.add("Div", x, number(math.sqrt(2))))
    half = graph.add("Mul", x, number(0.5))
    return graph.add("Mul", half, graph.add("Add", curve, number(1.0)))


@_operation("Softmax", "LogSoftmax")
def _softmax(graph: Graph, step: Step, x: Any) -> str:
    return graph.add(step.name, x, axis=_one_axis(step))


@_operation("LayerNorm")
def _layer_norm(graph: Graph, step: Step, x: Tensor, gamma: Any = None, beta: Any = None) -> str:
    if step.settings["rms_scaling"]:
        raise not_written("LayerNorm with rms_scaling")
    width = x.shape[_one_axis(step)]
    scale = np.ones(width, "float32") if gamma is None else gamma
    inputs = (x, scale) if beta is None else (x, scale, beta)
    return graph.add("LayerNormalization", *inputs, axis=-1, epsilon=_epsilon(step))


@_operation("RMSNorm")
def _rms_norm(graph: Graph, step: Step, x: Tensor, scale: Any = None) -> str:
    mean = graph.add("ReduceMean", graph.add("Mul", x, x), axes=[_one_axis(step)], keepdims=1)
    root = graph.add("Sqrt", graph.add("Add", mean, graph.constant(_epsilon(step), "float32")))
    normed = graph.add("Div", x, root)
    return normed if scale is None else graph.add("Mul", normed, scale)


@_operation("DotProductAttention")
def _dot_product_attention(
    graph: Graph, step: Step, query: Tensor, key: Tensor, value: Tensor, bias: Any = None,
    mask: Any = None, scale: float | None = None,
) -> str:  # fmt: skip
    """Vaswani et al. 2017, section 3.2.1, of (batch, length, heads, head_dim) each."""
    if step.settings["is_causal"] or step.settings["attn_logits_soft_cap"]:
        raise not_written("causal or capped attention")
    if query.shape[2] != key.shape[2]:
        raise not_written("attention whose heads share keys")
    scale = query.shape[-1] ** -0.5 if scale is None else scale  # type: ignore[operator]
    queries = graph.transpose(query, [0, 2, 1, 3])  # (batch, heads, t, head_dim)
    scaled = graph.add("Mul", queries, graph.constant(scale, "float32"))
    scores = graph.add("MatMul", scaled, graph.transpose(key, [0, 2, 3, 1]))
    if bias is not None:
        scores = graph.add("Add", scores, bias)
    if mask is not None:
        scores = _chosen(graph, mask, scores, HIDDEN, "float32")
    weights = graph.add("Softmax", scores, axis=-1)  # (batch, heads, t, s)
    mixed = graph.add("MatMul", weights, graph.transpose(value, [0, 2, 1, 3]))
    return graph.transpose(mixed, [0, 2, 1, 3])


@_operation("Conv")
def _convolution(graph: Graph, step: Step, x: Tensor, kernel: Any) -> str:
    """Along a text: (batch, length, channels) by (positions, channels, filters)."""
    own = step.settings
    steps = {str(own[name]) for name in ("strides", "dilation_rate")}
    if len(x.shape) != 3 or own["padding"] != "same" or not steps <= {"1", "[1]", "(1,)"}:
        raise not_written("Conv but at each position of a text")
    beside = kernel.shape[0] - 1
    mixed = graph.add(
        "Conv",
        graph.transpose(x, [0, 2, 1]),
        graph.transpose(kernel, [2, 1, 0]),
        pads=[beside // 2, beside - beside // 2],
    )
    return graph.transpose(mixed, [0, 2, 1])


@_operation("Einsum")
def _einsum(graph: Graph, step: Step, *operands: Any) -> str:
    return einsum(graph, step.settings["subscripts"], operands)


@_operation("Transpose")
def _transpose(graph: Graph, step: Step, x: Tensor) -> str:
    axes = step.settings["axes"]
    rank = len(x.shape)
    order = range(rank)[::-1] if axes is None else [axis % rank for axis in axes]
    return graph.transpose(x, list(order))


@_operation("Swapaxes")
def _swapaxes(graph: Graph, step: Step, x: Tensor) -> str:
    order = list(range(len(x.shape)))
    one, other = step.settings["axis1"], step.settings["axis2"]
    order[one], order[other] = order[other], order[one]
    return graph.transpose(x, order)


@_operation("Reshape", "ExpandDims", "Squeeze")
def _reshape(graph: Graph, step: Step, x: Tensor) -> str:
    if step.name == "Reshape":
        return graph.reshape(x, x.shape, step.output.shape)
    axis = step.settings["axis"]
    if axis is None:
        axis = [place for place, size in enumerate(x.shape) if size == 1]
    axes = graph.integers([axis] if isinstance(axis, int) else list(axis))
    return graph.add("Unsqueeze" if step.name == "ExpandDims" else "Squeeze", x, axes)


@_operation("BroadcastTo")
def _broadcast_to(graph: Graph, step: Step, x: Any) -> str:
    return graph.add("Expand", x, graph.sizes(step.output.shape))


@_operation("ZerosLike", "OnesLike", "FullLike")
def _like(graph: Graph, step: Step, x: Tensor, fill_value: Any = None) -> str:
    number = {"ZerosLike": 0, "OnesLike": 1}.get(step.name, fill_value)
    single = graph.value(number, step.output.dtype)
    return graph.add("Expand", single, graph.sizes(step.output.shape))


@_operation("Concatenate")
def _concatenate(graph: Graph, step: Step, xs: Sequence[Any]) -> str:
    names = [graph.value(x, step.output.dtype) for x in xs]
    return graph.add("Concat", *names, axis=step.settings["axis"])


@_operation("Split")
def _split(graph: Graph, step: Step, x: Tensor) -> list[str]:
    axis = step.settings["axis"] % len(x.shape)
    parts = []
    start = 0
    for part in step.output:
        if isinstance(part.shape[axis], Size):
            raise not_written("Split along the texts")
        end = start + part.shape[axis]
        parts.append(graph.add("Slice", x, *map(graph.integers, ([start], [end], [axis]))))
        start = end
    return parts


@_operation("GetItem")
def _get_item(graph: Graph, step: Step, x: Tensor, key: Any) -> str:
    """x[1:, None, ..., 0]: slices, then the single places, then new axes."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    if Ellipsis in keys:
        place = keys.index(Ellipsis)
        named = sum(each is not None for each in keys) - 1
        keys[place : place + 1] = [slice(None)] * (len(x.shape) - named)
    name, axis, out = graph.value(x), 0, 0
    cuts: list[tuple[int, Any, int, int]] = []  # start, end, axis, step
    places: list[tuple[int, int]] = []
    added: list[int] = []
    for each in keys:
        if each is None:
            added.append(out)
        elif isinstance(each, slice):
            start, end, stride = each.start, each.stop, each.step or 1
            if end == x.shape[axis] or end is None:
                end = np.iinfo("int64").max
            if isinstance(start, Size) or stride < 0:
                raise not_written(f"GetItem with {each}")
            if (start or 0, stride) != (0, 1) or end != np.iinfo("int64").max:
                cuts.append((start or 0, end, axis, stride))
            axis += 1
        elif isinstance(each, int):
            places.append((each, axis))
            axis += 1
            continue
        else:
            raise not_written(f"GetItem with a {type(each).__name__}")
        out += 1
    if cuts:
        name = graph.add("Slice", name, *map(graph.sizes, zip(*cuts, strict=True)))
    for place, axis in reversed(places):
        name = graph.add("Gather", name, graph.constant(np.int64(place)), axis=axis)
    return graph.add("Unsqueeze", name, graph.integers(added)) if added else name


@_operation("Flip")
def _flip(graph: Graph, step: Step, x: Tensor) -> str:
    axis, before = _one_axis(step), -np.iinfo("int64").max
    return graph.add("Slice", x, *map(graph.integers, ([-1], [before], [axis], [-1])))


@_operation("Take")
def _take(graph: Graph, step: Step, x: Any, indices: Any) -> str:
    axis = step.settings["axis"]
    if axis is None:
        raise not_written("Take without an axis")
    where = indices if isinstance(indices, (Tensor, Constant)) else np.asarray(indices, "int64")
    return graph.add("Gather", x, where, axis=axis)


@_operation("Cast", "ConvertToTensor")
def _cast(graph: Graph, step: Step, x: Any) -> str:
    return graph.value(x, step.output.dtype)


@_operation("Cumsum")
def _cumsum(graph: Graph, step: Step, x: Any) -> str:
    axis = graph.constant(np.int64(_one_axis(step)))
    return graph.add("CumSum", graph.value(x, step.output.dtype), axis)


@_operation("Sum")
def _sum(graph: Graph, step: Step, x: Tensor) -> str:
    name = graph.value(x, step.output.dtype)
    axes = graph.integers(_axes(step, x))
    return graph.add("ReduceSum", name, axes, keepdims=int(step.settings["keepdims"]))


@_operation(*REDUCTIONS)
def _reduction(graph: Graph, step: Step, x: Tensor) -> str:
    name = graph.value(x, step.output.dtype)
    keepdims = int(step.settings["keepdims"])
    return graph.add(REDUCTIONS[step.name], name, axes=_axes(step, x), keepdims=keepdims)


def _axes(step: Step, x: Tensor) -> list[int]:
    axis = step.settings["axis"]
    return (
        list(range(len(x.shape)))
        if axis is None
        else [axis]
        if isinstance(axis, int)
        else list(axis)
    )


def _one_axis(step: Step) -> int:
    """The axis of an operation that has one; for normalizations it is the last."""
    axis = step.settings["axis"]
    axes = [axis] if isinstance(axis, int) else list(axis or ())
    if len(axes) != 1:
        raise not_written(f"{step.name} over the axes {axis}")
    return axes[0]


def _epsilon(step: Step) -> float:
    given = step.settings["epsilon"]
    return float(keras.config.epsilon() if given is None else given)
