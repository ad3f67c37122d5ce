"""Makes a saved classifier's exports for ONNX Runtime, and checks them before they are kept."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft import backends
from kerasft.errors import ConfigError
from kerasft.folder import Manifest
from kerasft.folder.add_export import add_export
from kerasft.folder.export_files import ONNX_MODEL
from kerasft.folder.manifest import read
from kerasft.runtimes.onnx import int8_gate
from kerasft.runtimes.onnx.engine import ONNX, ONNX_INT8, OnnxEngine
from kerasft.runtimes.onnx.model_file import OPSET
from kerasft.tasks.classification.load_export import ExportedClassifier, load_export
from kerasft.tasks.classification.task import TextClassifier
from kerasft.tasks.registry import TASKS
from kerasft.tasks.saved import load

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_OFF = 1e-4
"""Largest difference of a logit to Keras's, for logits of the order of 1."""
# Lengths of the texts on which the two are compared, besides the longest that the model reads.
LENGTHS = (1, 5, 16)


def make_export(
    path: str | Path,
    engine: str,
    *,
    data: str | None = None,
    text_column: str = "text",
    label_column: str = "label",
) -> Manifest:
    """Puts what an engine reads into a saved folder, in place of what was there for it.

    Args:
        path: The folder of a classifier.
        engine: "onnx", or "onnx-int8", for which "onnx" is made too where it is missing.
        data: Rows to compare the 8-bit model on; see `int8_gate.gate_rows`, as for the next two.
        text_column: See there.
        label_column: See there.

    Returns:
        The folder's new manifest.

    Raises:
        ConfigError: A package or a backend is missing, the folder cannot be written, or the export
            is not as good as it must be; the folder is as it was.
        BundleError: The folder is broken or holds no classifier.
        DataError: `data` cannot be used.

    Example:
        >>> make_export("saved_models/run", "onnx-int8").exports["onnx-int8"]["agreement"]
        0.9804
    """
    folder = Path(path)
    manifest = read(folder)
    if engine not in TASKS[manifest.task].runtimes:
        raise ConfigError(
            f"{folder} holds a model for {manifest.task}, which has no export for --engine {engine}"
        )
    if engine == ONNX or ONNX not in manifest.exports:
        manifest = _make_float32(folder)
    return manifest if engine == ONNX else _make_int8(folder, data, text_column, label_column)


def _make_float32(folder: Path) -> Manifest:
    backends.check()
    parts = load(folder, TextClassifier)
    from kerasft.runtimes.keras import KerasEngine
    from kerasft.runtimes.onnx.write import write_onnx

    keras = KerasEngine(parts)  # folds adapters into the weights

    def write(place: Path) -> dict[str, Any]:
        file = place / ONNX_MODEL
        write_onnx(parts.model, file, parts.model.arguments.max_length, facts(parts))
        texts = _token_ids(parts)
        wanted = keras.run(texts)
        found = OnnxEngine(ExportedClassifier(parts, ONNX, file)).run(texts)
        difference = float(np.abs(found - wanted).max())
        if difference > MOST_OFF * max(1.0, float(np.abs(wanted).max())):
            raise ConfigError(
                f"the ONNX graph of {folder} differs from Keras by {difference:.2g} in the logits, "
                f"so it was not kept; use --engine keras, and please report it"
            )
        return {
            "opset": OPSET,
            "largest_difference_to_keras": difference,
            "compared_on": backends.machine(),
        }

    return add_export(folder, ONNX, write)


def _make_int8(folder: Path, data: str | None, text_column: str, label_column: str) -> Manifest:
    saved = load_export(folder, ONNX)
    names = saved.parts.labels.names
    rows = int8_gate.gate_rows(folder, saved.parts.labels, data, text_column, label_column)
    model = saved.take_model()
    exact = OnnxEngine(saved, model)
    token_ids = exact.encode(rows.texts).token_ids

    def write(place: Path) -> dict[str, Any]:
        file = place / ONNX_MODEL
        quantize(model, file)
        quantized = OnnxEngine(ExportedClassifier(saved.parts, ONNX_INT8, file))
        gate = int8_gate.compare(quantized.run(token_ids), exact.run(token_ids), rows, names)
        if not gate.passed:
            raise ConfigError(
                f"the 8-bit model of {folder} loses more than half a point, so it was not kept: "
                f"{gate}; use --engine onnx"
            )
        return asdict(gate)

    return add_export(folder, ONNX_INT8, write)


def quantize(source: bytes, target: Path) -> None:
    """Writes a graph whose matrices are in 8 bits, each column with a scale of its own.

    What goes into a matrix is rounded to 8 bits as well, by its range in each call. Embeddings,
    norms, and the products inside of attention stay in float32.

    Args:
        source: What `write_onnx` wrote.
        target: The file to write.

    Raises:
        ConfigError: The package onnx or onnxruntime is not installed.
    """
    try:
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
    except ImportError as error:
        raise ConfigError(
            f"--engine {ONNX_INT8} needs the package {error.name}: `pip install 'kerasft[onnx]'`"
        ) from None
    model = onnx.load_from_string(source)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    with _without_advice():
        # The model and not its path, beside which the tool would write files of its own.
        quantize_dynamic(
            model, target, op_types_to_quantize=["MatMul"], per_channel=True,
            weight_type=QuantType.QInt8,
        )  # fmt: skip
    model = onnx.load(target)
    onnx.helper.set_model_props(model, facts)  # without the tool's notes
    onnx.checker.check_model(model, full_check=True)
    target.write_bytes(model.SerializeToString())


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


def facts(classifier: TextClassifier) -> dict[str, str]:
    """What an ONNX file of a classifier says of it, for whoever reads the file without kerasft."""
    return {
        "labels": json.dumps(classifier.labels.names, ensure_ascii=False),
        "max_length": str(classifier.max_length),
        "preprocessing": json.dumps(
            {**classifier.cleaning.to_dict(), "long_texts": classifier.long_texts}
        ),
    }


def _token_ids(parts: TextClassifier) -> list[np.ndarray]:
    """Random texts, (tokens,) int32 each: short ones together, which are padded, and long ones."""
    longest = parts.max_length
    generator = np.random.default_rng(0)
    sizes = [min(size, longest) for size in (*LENGTHS, longest, longest)]
    rows = parts.model.arguments.vocab_size
    return [generator.integers(0, rows, size).astype(np.int32) for size in sizes]
