"""ONNX Runtime: encoders with any head, in float32 and with matrices in 8 bits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends
from kerasft.data import shapes
from kerasft.folder.export_files import ONNX_MODEL
from kerasft.runtimes.onnx.model_file import OPSET, check_onnx_file
from kerasft.runtimes.onnx.run import OnnxEncoder
from kerasft.runtimes.runtime import EncoderModel, Reading, Runtime, refuse_different

MOST_OFF = 1e-4
"""Largest difference of a logit to Keras's, for logits of the order of 1."""
# Lengths of the texts on which the two are compared, besides the longest that the model reads.
LENGTHS = (1, 5, 16)


class OnnxRuntime(Runtime):
    """See the module."""

    name = "ONNX Runtime"
    computes = EncoderModel
    package = "onnxruntime"
    extra = "onnx"
    exact = "onnx"
    small = "onnx-int8"
    writers = ("onnx", "onnxruntime")

    def open(
        self, format: str, place: Path, files: dict[str, bytes], needs: Reading
    ) -> OnnxEncoder:
        """See `Runtime.open`."""
        file = place / ONNX_MODEL
        check_onnx_file(files[ONNX_MODEL], file)
        rows = 1 if format == self.small else shapes.MOST_ROWS
        return OnnxEncoder(self.module(), files, file, needs, rows, self.threads())

    def write(self, model: EncoderModel, place: Path) -> dict[str, Any]:
        """See `Runtime.write`."""
        from kerasft.runtimes.keras import KerasEncoder
        from kerasft.runtimes.onnx.write import write_onnx

        self.check()
        reading = model.reading
        write_onnx(
            model.model, place / ONNX_MODEL, model.longest, model.facts, segments=reading.segments
        )
        texts = _token_ids(model)
        segments = [(np.arange(len(ids)) > len(ids) // 2).astype(np.int32) for ids in texts]
        files = {ONNX_MODEL: (place / ONNX_MODEL).read_bytes()}
        encoders = (
            KerasEncoder(model.model, reading),
            self.open(self.exact, place, files, reading),
        )
        wanted, found = (
            np.concatenate([x.ravel() for x in e.run(texts, segments)]) for e in encoders
        )
        difference = float(np.abs(found - wanted).max())
        refuse_different(difference, MOST_OFF * max(1.0, float(np.abs(wanted).max())), "the logits")
        return {
            "opset": OPSET,
            "largest_difference_to_keras": difference,
            "compared_on": backends.machine(),
        }

    def write_small(self, exact: Path, model: Callable[[], EncoderModel], place: Path) -> None:
        """See `Runtime.write_small`: quantizes matrices, each column with a scale of its own.

        What goes into a matrix is rounded to 8 bits as well, by its range in each call. Embeddings,
        norms, and the products inside of attention stay in float32; where each token has logits of
        its own, so do the products that narrow (the second of a feed-forward network, the head):
        a few large numbers go into them, by whose range the many small ones would be rounded.
        """
        self.check()
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic

        target = place / ONNX_MODEL
        source = onnx.load(exact / ONNX_MODEL)
        facts = {entry.key: entry.value for entry in source.metadata_props}
        each_token = len(source.graph.output[0].type.tensor_type.shape.dim) == 3
        with _without_advice():
            # The model and not its path, beside which the tool would write files of its own.
            quantize_dynamic(
                source, target, op_types_to_quantize=["MatMul"], per_channel=True,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=_narrowing(source.graph) if each_token else [],
            )  # fmt: skip
        made = onnx.load(target)
        onnx.helper.set_model_props(made, facts)  # without the tool's notes
        onnx.checker.check_model(made, full_check=True)
        target.write_bytes(made.SerializeToString())


def _narrowing(graph: Any) -> list[str]:
    """Names of the products with a matrix of more rows than columns; they get one each."""
    rows = {each.name: each.dims[0] - each.dims[-1] for each in graph.initializer if each.dims}
    found = [n for n in graph.node if n.op_type == "MatMul" and rows.get(n.input[1], 0) > 0]
    for number, node in enumerate(found):
        node.name = f"narrowing_{number}"
    return [node.name for node in found]


@contextmanager
def _without_advice() -> Iterator[None]:
    """Keeps the tool's advice, on a step that our graph does not need, out of the root logger."""
    logger = logging.getLogger()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _token_ids(model: EncoderModel) -> list[np.ndarray]:
    """Random texts, (tokens,) int32 each: short ones together, which are padded, and long ones."""
    longest = model.reading.max_length
    generator = np.random.default_rng(0)
    sizes = [min(size, longest) for size in (*LENGTHS, longest, longest)]
    rows = model.model.arguments.vocab_size
    return [generator.integers(0, rows, size).astype(np.int32) for size in sizes]
