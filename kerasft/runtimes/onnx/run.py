"""Running an encoder's export with ONNX Runtime: neither Keras nor a backend is imported."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.data import shapes
from kerasft.errors import FolderError
from kerasft.runtimes.runtime import Reading, finite, reading_segments
from kerasft.storage import memory_files

INPUTS = {"input_ids": "tensor(int64)", "attention_mask": "tensor(int64)"}
SEGMENTS = "token_type_ids"
OUTPUTS = {"logits": "tensor(float)"}


class OnnxEncoder:
    """Computes with ONNX Runtime, at the texts' own lengths: nothing is compiled a shape.

    In float32, texts of about the same length are computed together; what comes out of a text does
    not depend on those beside it beyond rounding. In 8 bits, each text is computed by itself: the
    numbers between the layers are rounded by their range over the whole call, so that in a batch
    a text's logits would depend on its neighbors.

    Args:
        runtime: The package onnxruntime.
        files: Name -> contents of the file, checked. It is empty afterwards: nobody keeps the bytes
            beside the session, which takes as much again.
        file: Its path, for error messages.
        reading: How it is asked.
        most_rows: Most texts in one call.
        threads: Threads that compute.

    Raises:
        FolderError: The graph is not one of such an encoder.

    Example:
        >>> runtime.open("onnx", place, files, reading).run([np.array([2, 17, 3])])[0].shape
        (3,)
    """

    compiles = False

    def __init__(
        self,
        runtime: Any,
        files: dict[str, bytes],
        file: Path,
        reading: Reading,
        most_rows: int,
        threads: int,
    ) -> None:
        self._file, self._reading, self._most_rows = file, reading, most_rows
        self._session = _session(runtime, files, file, threads)
        found = [
            {place.name: place.type for place in places}
            for places in (self._session.get_inputs(), self._session.get_outputs())
        ]
        ranks = [len(place.shape) for place in self._session.get_inputs()]
        logits = self._session.get_outputs()[0].shape
        wanted = ["texts", *(["length"] if reading.each_token else []), reading.num_labels]
        inputs = {**INPUTS, SEGMENTS: "tensor(int64)"} if reading.segments else INPUTS
        if (
            found != [inputs, OUTPUTS]
            or set(ranks) != {2}
            or len(logits) != len(wanted)
            or logits[-1] != wanted[-1]
        ):
            raise FolderError(
                f"{file} must turn {' and '.join(inputs)} (texts, length) into logits "
                f"({', '.join(map(str, wanted))}), which it does not."
            )

    def run(
        self, token_ids: Sequence[np.ndarray], segment_ids: Sequence[np.ndarray] | None = None
    ) -> list[np.ndarray]:
        """See `Encodes.run`."""
        segments = reading_segments(self._reading, segment_ids)
        found: list[np.ndarray] = [np.empty(0)] * len(token_ids)
        for rows in shapes.groups([len(ids) for ids in token_ids], self._most_rows):
            inputs = padded([token_ids[row] for row in rows], self._reading.pad_id)
            if segments is not None:
                inputs[SEGMENTS] = padded([segments[row] for row in rows], 0)["input_ids"]
            try:
                (logits,) = self._session.run(list(OUTPUTS), inputs)
            except Exception as error:  # ONNX Runtime's own classes share no other base
                raise _unfit(self._file, error) from error
            self._check_shape(logits.shape, inputs["input_ids"].shape)
            for row, each in zip(rows, logits, strict=True):
                size = len(token_ids[row])
                found[row] = finite(each[:size] if self._reading.each_token else each)
        return found

    def _check_shape(self, found: tuple[int, ...], asked: tuple[int, ...]) -> None:
        texts, labels = asked[0], self._reading.num_labels
        wanted = (*asked, labels) if self._reading.each_token else (texts, labels)
        if found != wanted:
            raise FolderError(
                f"{self._file} computes an array of the shape {found} for {texts} texts and "
                f"{labels} labels."
            )


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


def _session(runtime: Any, files: dict[str, bytes], file: Path, threads: int) -> Any:
    """An inference session on the CPU."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors, which are raised as well
    # Plans of memory are kept for each shape that ever came: texts come in hundreds.
    options.enable_mem_pattern = False
    with ExitStack() as stack:
        # From a path; bytes it would hold on to, and copy twice while it reads them.
        place = (
            str(stack.enter_context(memory_files.memory_folder(files)) / file.name)
            if memory_files.AVAILABLE
            else files.pop(file.name)
        )
        try:
            return runtime.InferenceSession(place, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise _unfit(file, error) from error


def _unfit(file: Path, error: Exception) -> FolderError:
    reason = " ".join(str(error).split())
    return FolderError(f"{file} cannot be run by ONNX Runtime: {reason[:300]}")
