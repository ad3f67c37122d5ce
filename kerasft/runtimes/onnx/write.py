"""A model as an ONNX file, written from the operations of `keras.ops` that it computes.

No tracer of a backend is involved, so it works from each of them. See `trace` for how a model
becomes a list of operations, `operations` for how each of them is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from kerasft.errors import ConfigError
from kerasft.runtimes.onnx.graph import Graph
from kerasft.runtimes.onnx.operations import write_step
from kerasft.runtimes.onnx.trace import BATCHES, Size, trace

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 2_000_000_000  # protobuf ends at 2 GiB


def write_onnx(
    model: keras.Model,
    path: Path,
    longest: int,
    facts: Mapping[str, str] | None = None,
    *,
    segments: bool = False,
) -> None:
    """Writes an encoder with its head as one `.onnx` file.

    Inputs of the graph, as transformers names them: `input_ids` and `attention_mask`, (batch,
    length) int64, the mask 1 for a token and 0 for padding; of a model that reads pairs by segments
    `token_type_ids` besides, 1 for a token of the second text. Output: `logits`, float32: (batch,
    labels), or (batch, length, labels). Any batch and any length up to `longest` work.

    Args:
        model: From {"token_ids", "padding_mask"} to logits. Adapters on it are written as they
            are; merged into the weights, they cost nothing.
        longest: Most tokens of a text.
        facts: What else the file is to say, for readers of the file: {"max_length": "128"}.
        segments: Whether the model is also to read {"segment_ids"}.

    Raises:
        ConfigError: The package onnx is not installed, the model is too large for one file, or it
            computes something that is not written to ONNX.

    Example:
        >>> write_onnx(classifier, Path("model.onnx"), 512)
    """
    ops = keras.ops

    def call(input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
        inputs = {
            "token_ids": ops.cast(input_ids, "int32"),
            "padding_mask": ops.cast(attention_mask, "bool"),
        }
        if token_type_ids is not None:
            inputs["segment_ids"] = ops.cast(token_type_ids, "int32")
        return model(inputs, training=False)

    names = ["input_ids", "attention_mask", *(["token_type_ids"] if segments else [])]
    ids = keras.KerasTensor((None, None), dtype="int64")
    made = to_onnx(call, dict.fromkeys(names, ids), longest, "logits", facts)
    path.write_bytes(made.SerializeToString())


def to_onnx(
    call: Callable[..., Any],
    inputs: Mapping[str, keras.KerasTensor],
    longest: int,
    output: str = "output",
    facts: Mapping[str, str] | None = None,
) -> onnx.ModelProto:
    """What a function computes of its inputs, as a graph that `onnx` has checked.

    Args:
        call: See `trace`, as for the next two.
        output: The name of what it returns.
        facts: See `write_onnx`.

    Raises:
        ConfigError: As `write_onnx`.

    Example:
        >>> x = keras.KerasTensor((None, None, 8))
        >>> to_onnx(lambda x: dense(x), {"x": x}, 64).graph.output[0].name
        'output'
    """
    try:
        import onnx
    except ImportError:
        raise ConfigError(
            "the export to ONNX needs the package onnx: `pip install 'kerasft[onnx]'`."
        ) from None
    recorded = trace(call, inputs, longest)
    graph = Graph()
    for name, tensor in recorded.inputs.items():
        graph.name_tensor(tensor, name)
    for step in recorded.steps:
        write_step(graph, step)
    if sum(array.nbytes for array in graph.constants.values()) > MAX_BYTES:
        raise ConfigError("the model is larger than one ONNX file can be (2 GB).")
    axes = {Size(*BATCHES): "batch", Size(longest, longest - 1): "length"}
    model = graph.to_model("kerasft", recorded.inputs, (output, recorded.output), axes, facts or {})
    onnx.checker.check_model(model, full_check=True)
    return model
