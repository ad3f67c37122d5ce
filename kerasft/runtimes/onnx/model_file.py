"""Checks an untrusted ONNX file before ONNX Runtime reads it.

A saved folder is data: loading one from a stranger can fail, but it must not run the stranger's
code or read other files. An ONNX file could hold operators of other libraries, loops, training
steps, and tensors that lie in files elsewhere. So only the operators that kerasft writes itself
are let through, in one flat graph. None of them behaves in training otherwise than in inference.

The file is walked by the wire format of Protocol Buffers (https://protobuf.dev, "Encoding"):
weights are skipped, and the package `onnx` is not needed to predict. The numbers of
the fields are those of `onnx.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kerasft.errors import FolderError

OPSET = 17
"""The first with LayerNormalization."""
OPERATORS = {
    *(
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Max",
        "Min",
        "Pow",
        "MatMul",
        "Neg",
        "Abs",
        "Exp",
        "Log",
        "Sqrt",
    ),
    *(
        "Reciprocal",
        "Erf",
        "Relu",
        "Sigmoid",
        "Tanh",
        "Sin",
        "Cos",
        "Softmax",
        "LogSoftmax",
        "Conv",
    ),
    *("LayerNormalization", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "CumSum"),
    *("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Not", "Where"),
    *("Cast", "Concat", "Expand", "Gather", "Identity", "Reshape", "Shape", "Slice", "Squeeze"),
    *("Transpose", "Unsqueeze"),
    *("DynamicQuantizeLinear", "MatMulInteger"),
}
"""All operators that `operations` writes, and the two that quantization adds."""

# Message -> the numbers of its fields that a file of ours has.
MODEL = {1, 2, 3, 4, 5, 6, 7, 8, 14}  # not training_info (20) or functions (25)
GRAPH = {1, 2, 5, 10, 11, 12, 13}  # not sparse_initializer (15)
NODE = {1, 2, 3, 4, 5, 6, 7}
ATTRIBUTE = {1, 2, 3, 7, 8, 20}  # numbers: not graphs (6, 11), tensors (5) or strings (4)
TENSOR = {1, 2, 4, 5, 7, 8, 9, 14}  # not external_data (13)

MOST_NODES = 100_000


class _Field(NamedTuple):
    """One field of a message: its number, and its value, or the place of its bytes."""

    number: int
    value: int
    start: int
    end: int


def check_onnx_file(raw: bytes, path: Path) -> None:
    """Refuses an ONNX file that holds anything but a flat graph of known operators.

    Args:
        path: Its path, for error messages.

    Raises:
        FolderError: One sentence that names the file and what it holds.

    Example:
        >>> path = Path("saved_models/run/export/onnx/model.onnx")
        >>> check_onnx_file(path.read_bytes(), path)
    """
    try:
        _check_model(raw)
    except _Refused as reason:
        raise FolderError(
            f"{path} {reason}, which no export of kerasft does; it was not run."
        ) from None


class _Refused(Exception):
    """What is wrong with the file, to be said after its name."""


def _check_model(data: bytes) -> None:
    graphs = 0
    opsets = []
    for field in _fields(data, 0, len(data), MODEL, "the model"):
        if field.number == 7:
            graphs += 1
            _check_graph(data, field)
        elif field.number == 8:
            parts = {part.number: part for part in _fields(data, *field[2:], {1, 2}, "an opset")}
            domain = _text(data, parts[1]) if 1 in parts else ""
            if domain:
                raise _Refused(f"asks for operators of {domain!r}")
            if 2 in parts:
                opsets.append(parts[2].value)
    if graphs != 1:
        raise _Refused(f"has {graphs} graphs")
    if opsets != [OPSET]:
        raise _Refused(f"is of opset {', '.join(map(str, opsets)) or 'none'}")


def _check_graph(data: bytes, graph: _Field) -> None:
    nodes = 0
    for field in _fields(data, *graph[2:], GRAPH, "the graph"):
        if field.number == 1:
            nodes += 1
            _check_node(data, field)
        elif field.number == 5:
            for part in _fields(data, *field[2:], TENSOR, "a tensor"):
                if part.number == 14 and part.value:
                    raise _Refused("has a tensor in another file")
    if nodes > MOST_NODES:
        raise _Refused(f"has {nodes} operators")


def _check_node(data: bytes, node: _Field) -> None:
    operator = ""
    for field in _fields(data, *node[2:], NODE, "an operator"):
        if field.number == 4:
            operator = _text(data, field)
        elif field.number == 7 and field.start < field.end:
            raise _Refused(f"has an operator of {_text(data, field)!r}")
        elif field.number == 5:
            for _ in _fields(data, *field[2:], ATTRIBUTE, "an attribute"):
                pass
    if operator not in OPERATORS:
        raise _Refused(f"has the operator {operator!r}")


def _fields(data: bytes, start: int, end: int, known: set[int], what: str) -> Iterator[_Field]:
    """The fields of the message from `start` to `end`, all of which must be `known`."""
    place = start
    while place < end:
        key, place = _number(data, place, end)
        number, kind = key >> 3, key & 7
        if number not in known:
            raise _Refused(f"has the field {number} in {what}")
        if kind == 0:
            value, place = _number(data, place, end)
            yield _Field(number, value, place, place)
            continue
        if kind == 2:
            size, place = _number(data, place, end)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise _Refused("is no whole ONNX file")
        if size > end - place:
            raise _Refused("is no whole ONNX file")
        yield _Field(number, 0, place, place + size)
        place += size


def _number(data: bytes, place: int, end: int) -> tuple[int, int]:
    """The variable-length number at `place`, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= end:
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise _Refused("is no whole ONNX file")


def _text(data: bytes, field: _Field) -> str:
    return data[field.start : min(field.end, field.start + 60)].decode("utf-8", "replace")
