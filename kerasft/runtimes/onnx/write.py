"""An ONNX graph of a classifier, written operator by operator from its layers.

No tracer of a backend is involved, so it works from each of them and needs none. Inputs, as
transformers names them: `input_ids` and `attention_mask`, (batch, length) int64, the mask 1 for a
token and 0 for padding. Output: `logits` (batch, labels) float32. Any batch and length work.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.architectures import entries_for, to_tensors
from kerasft.errors import ConfigError
from kerasft.runtimes.onnx.model_file import OPSET
from kerasft.tasks.classification.load import Bundle

if TYPE_CHECKING:
    import onnx

IR_VERSION = 8  # its contemporary, so that older runtimes read the file too
MAX_BYTES = 2_000_000_000  # protobuf ends at 2 GiB


def write_onnx(bundle: Bundle, path: Path) -> None:
    """Writes a loaded folder, whose adapters have been folded in, as one `.onnx` file.

    Raises:
        ConfigError: The package onnx is not installed, or the model is too large for one file.
    """
    try:
        import onnx
    except ImportError:
        raise ConfigError(
            "the export to ONNX needs the package onnx: `pip install 'kerasft[onnx]'`"
        ) from None
    graph = _Graph(bundle)
    graph.build()
    if sum(tensor.nbytes for tensor in graph.constants.values()) > MAX_BYTES:
        raise ConfigError(f"{bundle.path} is larger than one ONNX file can be (2 GB)")
    model = graph.to_model()
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


class _Graph:
    """The nodes and constants of one classifier; each method adds a part and returns its output."""

    def __init__(self, bundle: Bundle) -> None:
        model = bundle.model
        self.bundle, self.arguments = bundle, model.arguments
        tensors = to_tensors(model)
        # Keras layer path -> {"weight": ..., "bias": ...}: the same paths in every architecture.
        self.layers = {
            entry.layer: {p.name.rpartition(".")[2]: tensors[p.name] for p in entry.parameters}
            for entry in entries_for(model)
        }
        self.nodes: list[Any] = []
        self.constants: dict[str, np.ndarray] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Adds one node and returns the name of its output."""
        from onnx import helper

        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, dtype: str = "float32") -> str:
        """Adds a constant and returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants[name] = np.asarray(value, dtype=dtype)
        return name

    def dense(self, x: str, layer: str) -> str:
        """A linear layer: x (..., in) -> (..., out)."""
        weights = self.layers[layer]
        # torch keeps the weight as (out, in)
        product = self.add("MatMul", x, self.constant(np.ascontiguousarray(weights["weight"].T)))
        return self.add("Add", product, self.constant(weights["bias"]))

    def norm(self, x: str, layer: str) -> str:
        """Layer normalization over the last axis."""
        weights = self.layers[layer]
        scale, bias = self.constant(weights["weight"]), self.constant(weights["bias"])
        epsilon = self.arguments.layer_norm_epsilon
        return self.add("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def activation(self, x: str, name: str) -> str:
        """The activation of that name among `kerasft.architectures.encoder.ACTIVATIONS`."""
        if name == "gelu":  # x (1 + erf(x / sqrt 2)) / 2
            # Divided, not multiplied: so ONNX Runtime knows it again and takes one pass for five.
            curve = self.add("Erf", self.add("Div", x, self.constant(math.sqrt(2))))
        elif name == "gelu_approximate":  # x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2
            cube = self.add("Mul", self.add("Mul", x, x), x)
            inner = self.add("Add", x, self.add("Mul", cube, self.constant(0.044715)))
            scaled = self.add("Mul", inner, self.constant(math.sqrt(2 / math.pi)))
            curve = self.add("Tanh", scaled)
        elif name == "silu":
            return self.add("Mul", x, self.add("Sigmoid", x))
        else:
            return self.add({"relu": "Relu", "tanh": "Tanh"}[name], x)
        half = self.add("Mul", x, self.constant(0.5))
        return self.add("Mul", half, self.add("Add", curve, self.constant(1.0)))

    def embeddings(self) -> str:
        """input_ids (batch, length) -> (batch, length, width)."""
        paths = {path.rpartition("/")[2]: path for path in self.layers}
        words = self.constant(self.layers[paths["token_embedding"]]["weight"])
        table = self.layers[paths["position_embedding"]]["weight"]
        if "segment_embedding" in paths:  # one text: all tokens are of segment 0
            table = table + self.layers[paths["segment_embedding"]]["weight"][0]
        shape = self.add("Shape", "input_ids")
        zero, one = self.constant(0, "int64"), self.constant(1, "int64")
        length = self.add("Gather", shape, one, axis=0)
        positions = self.add("Gather", self.constant(table), self.add("Range", zero, length, one))
        x = self.add("Add", self.add("Gather", words, "input_ids"), positions)
        return self.norm(x, "embeddings_layer_norm")

    def heads(self, x: str, layer: str, order: list[int]) -> str:
        """Projects x (batch, length, width) to (batch, length, heads, head_dim); transposes it."""
        count = self.arguments.num_heads
        shape = self.constant([0, 0, count, self.arguments.hidden_dim // count], "int64")
        return self.add("Transpose", self.add("Reshape", self.dense(x, layer), shape), perm=order)

    def attention(self, asking: str, x: str, mask: str, path: str) -> str:
        """What asking (batch, some, width) finds in x (batch, length, width).

        The mask (batch, 1, 1, length) adds to the scores.
        """
        query = self.heads(asking, f"{path}/query", [0, 2, 1, 3])  # (batch, heads, some, head_dim)
        key = self.heads(x, f"{path}/key", [0, 2, 3, 1])  # (batch, heads, head_dim, length)
        value = self.heads(x, f"{path}/value", [0, 2, 1, 3])
        head_dim = self.arguments.hidden_dim // self.arguments.num_heads
        scaled = self.add("Mul", query, self.constant(1 / math.sqrt(head_dim)))
        scores = self.add("Add", self.add("MatMul", scaled, key), mask)
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), value)
        joined = self.add("Transpose", mixed, perm=[0, 2, 1, 3])  # (batch, some, heads, head_dim)
        flat = self.add("Reshape", joined, self.constant([0, 0, -1], "int64"))
        return self.dense(flat, f"{path}/attention_output")

    def encoder_layer(self, x: str, mask: str, path: str, first_only: bool) -> str:
        """One post-norm transformer layer on x (batch, length, width).

        With `first_only` it computes what becomes of the first token alone, (batch, 1, width): a
        head that reads no other needs no more of the last layer.
        """
        asking = self.add("Gather", x, self.constant([0], "int64"), axis=1) if first_only else x
        attended = self.attention(asking, x, mask, f"{path}/self_attention_layer")
        x = self.norm(self.add("Add", attended, asking), f"{path}/self_attention_layer_norm")
        inner = self.dense(x, f"{path}/feedforward_intermediate_dense")
        inner = self.activation(inner, self.arguments.activation)
        outer = self.dense(inner, f"{path}/feedforward_output_dense")
        return self.norm(self.add("Add", outer, x), f"{path}/feedforward_layer_norm")

    def pool(self, x: str, mask: str) -> str:
        """Pools x (batch, length, width) under mask (batch, length) float to (batch, width)."""
        if self.bundle.manifest.pooling == "first":
            return self.add("Gather", x, self.constant(0, "int64"), axis=1)
        weights = self.add("Unsqueeze", mask, self.constant([-1], "int64"))  # (batch, length, 1)
        axis = self.constant([1], "int64")
        total = self.add("ReduceSum", self.add("Mul", x, weights), axis, keepdims=0)
        count = self.add("ReduceSum", weights, axis, keepdims=0)  # (batch, 1)
        return self.add("Div", total, self.add("Max", count, self.constant(1.0)))

    def build(self) -> None:
        """The whole classifier, ending in a node whose output is `logits`."""
        from onnx import TensorProto, helper

        mask = self.add("Cast", "attention_mask", to=TensorProto.FLOAT)
        closed = self.add("Mul", self.add("Sub", mask, self.constant(1.0)), self.constant(1e9))
        closed = self.add("Unsqueeze", closed, self.constant([1, 2], "int64"))
        x = self.embeddings()
        last_layer = self.arguments.num_layers - 1
        for number in range(self.arguments.num_layers):
            first_only = number == last_layer and self.bundle.manifest.pooling == "first"
            x = self.encoder_layer(x, closed, f"transformer_layer_{number}", first_only)
        x = self.pool(x, mask)
        first, *last = self.bundle.model.head_layers
        if last:
            x = self.activation(
                self.dense(x, first), "relu" if first == "pre_classifier" else "tanh"
            )
        x = self.dense(x, "classifier")
        self.nodes.append(helper.make_node("Identity", [x], ["logits"]))

    def to_model(self) -> onnx.ModelProto:
        """The finished graph, with the labels and the longest text in its metadata."""
        from onnx import TensorProto, helper, numpy_helper

        size: list[str | int | None] = ["batch", "length"]
        labels: list[str | int | None] = ["batch", self.bundle.manifest.num_labels]
        graph = helper.make_graph(
            self.nodes,
            "text_classifier",
            [
                helper.make_tensor_value_info("input_ids", TensorProto.INT64, size),
                helper.make_tensor_value_info("attention_mask", TensorProto.INT64, size),
            ],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, labels)],
            [numpy_helper.from_array(value, name) for name, value in self.constants.items()],
        )
        model = helper.make_model(
            graph,
            producer_name="kerasft",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )
        facts = {
            "labels": json.dumps(self.bundle.label_map.names, ensure_ascii=False),
            "max_length": str(self.bundle.manifest.max_length),
            "preprocessing": json.dumps(self.bundle.manifest.preprocessing),
        }
        helper.set_model_props(model, facts)
        return model
