"""Running a classifier's export with ONNX Runtime: neither Keras nor a backend is imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasft.errors import BundleError, ConfigError
from kerasft.runtimes.cpu_threads import asked_threads, cpu_cores
from kerasft.storage import memory_files
from kerasft.tasks.classification.engine import ClassifierEngine

if TYPE_CHECKING:
    from kerasft.tasks.classification.load_export import ExportedClassifier

ONNX, ONNX_INT8 = "onnx", "onnx-int8"
FORMATS = (ONNX, ONNX_INT8)

INPUTS = {"input_ids": "tensor(int64)", "attention_mask": "tensor(int64)"}
OUTPUTS = {"logits": "tensor(float)"}
# Rows and padded tokens in one call; and how much shorter than the longest a row may be.
MOST_ROWS = 32
MOST_TOKENS = 8192
LEAST_FILLED = 0.75


class OnnxEngine(ClassifierEngine):
    """Computes logits with ONNX Runtime, at the texts' own lengths: nothing is compiled a shape.

    With "onnx", texts of about the same length are computed together; the logits of a text do not
    depend on those beside it beyond float32 rounding. With "onnx-int8", each text is computed by
    itself: the numbers between the layers are rounded to 8 bits by their range over the whole call,
    so that in a batch a text's logits would depend on its neighbors.

    Args:
        exported: What `load_export` read.
        model: The model, where it was taken of `exported` before.

    Raises:
        ConfigError: The package onnxruntime is not installed.
        BundleError: The model does not fit the folder.

    Example:
        >>> OnnxEngine(load_export("saved_models/run", "onnx")).logits(["a text"]).shape
        (1, 3)
    """

    compiles = False

    def __init__(self, exported: ExportedClassifier, model: bytes | None = None) -> None:
        super().__init__(exported.parts, exported.format)
        self._file = exported.file
        self._rows = 1 if exported.format == ONNX_INT8 else MOST_ROWS
        self._session = _session(exported, exported.take_model() if model is None else model)

    def compute(self, token_ids: Sequence[np.ndarray]) -> np.ndarray:
        """The logits (texts, num_labels) float32 of token ids; see `ClassifierEngine.run`.

        Raises:
            BundleError: The graph does not fit the tokenizer's ids or the texts' lengths.
        """
        num_labels, pad_id = len(self.parts.labels), self.parts.tokenizer.pad_id
        logits = np.empty((len(token_ids), num_labels), dtype=np.float32)
        for rows in groups([len(ids) for ids in token_ids], self._rows):
            inputs = padded([token_ids[row] for row in rows], pad_id)
            try:
                (found,) = self._session.run(list(OUTPUTS), inputs)
            except Exception as error:  # ONNX Runtime's own classes share no other base
                raise _unfit(self._file, error) from error
            if found.shape != (len(rows), num_labels):
                raise BundleError(
                    f"{self._file} computes an array of the shape {found.shape} for {len(rows)} "
                    f"texts and {num_labels} labels."
                )
            logits[rows] = found
        return logits


def groups(sizes: Sequence[int], most_rows: int = MOST_ROWS) -> Iterator[list[int]]:
    """Groups texts of about the same length, so that little is padded.

    Args:
        sizes: (texts,) tokens of each text.
        most_rows: Most texts in a group.

    Yields:
        Which texts go together: the longest first, none with less than three quarters of its
        group's longest.

    Example:
        >>> list(groups([4, 40, 38, 5]))
        [[1, 2], [3, 0]]
    """
    order = sorted(range(len(sizes)), key=lambda row: -sizes[row])
    start = 0
    while start < len(order):
        longest = sizes[order[start]]
        end = start + 1
        while (
            end < len(order)
            and end - start < min(most_rows, MOST_TOKENS // longest)
            and sizes[order[end]] >= LEAST_FILLED * longest
        ):
            end += 1
        yield order[start:end]
        start = end


def padded(token_ids: Sequence[np.ndarray], pad_id: int) -> dict[str, np.ndarray]:
    """Token ids as the inputs of the graph.

    Args:
        token_ids: (tokens,) int32 each, none empty.
        pad_id: The padding token.

    Returns:
        {"input_ids": (texts, longest) int64, "attention_mask": (texts, longest) int64}
    """
    sizes = np.array([len(ids) for ids in token_ids])
    mask = np.arange(sizes.max()) < sizes[:, None]  # (texts, longest)
    ids = np.full(mask.shape, pad_id, dtype=np.int64)
    ids[mask] = np.concatenate(token_ids)
    return {"input_ids": ids, "attention_mask": mask.astype(np.int64)}


def threads() -> int:
    """How many threads ONNX Runtime computes with: OMP_NUM_THREADS, else the process's cores."""
    return asked_threads() or cpu_cores()


def version() -> str:
    """The version of ONNX Runtime.

    Raises:
        ConfigError: It is not installed.
    """
    return _onnxruntime().__version__


def _session(exported: ExportedClassifier, model: bytes) -> Any:
    """An inference session on the CPU, its inputs and outputs checked."""
    runtime = _onnxruntime()
    file = exported.file
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads()
    options.log_severity_level = 3  # errors, which are raised as well
    # Plans of memory are kept for each shape that ever came: texts come in hundreds.
    options.enable_mem_pattern = False
    with _in_memory(model) as place:
        del model
        try:
            session = runtime.InferenceSession(place, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise _unfit(file, error) from error
    found = [
        {place.name: place.type for place in places}
        for places in (session.get_inputs(), session.get_outputs())
    ]
    ranks = {len(place.shape) for place in (*session.get_inputs(), *session.get_outputs())}
    columns = [place.shape[-1] for place in session.get_outputs()]
    if found != [INPUTS, OUTPUTS] or ranks != {2} or columns != [len(exported.parts.labels)]:
        raise BundleError(
            f"{file} must turn {' and '.join(INPUTS)} (texts, length) into logits "
            f"(texts, {len(exported.parts.labels)}), which it does not."
        )
    return session


@contextmanager
def _in_memory(model: bytes) -> Iterator[str | bytes]:
    """A name under which ONNX Runtime finds the checked bytes; the bytes where there is no such.

    It holds on to bytes, and copies them twice while it reads them.
    """
    if not memory_files.AVAILABLE:
        yield model
        return
    files = {"model.onnx": model}
    del model
    with memory_files.memory_folder(files) as folder:
        yield str(folder / "model.onnx")


def _onnxruntime() -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(
            "--engine onnx needs the package onnxruntime: `pip install 'kerasft[onnx]'`"
        ) from None
    return onnxruntime


def _unfit(file: object, error: Exception) -> BundleError:
    reason = " ".join(str(error).split())
    return BundleError(f"{file} cannot be run by ONNX Runtime: {reason[:300]}")
