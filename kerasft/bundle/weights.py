"""Reading safetensors files of anybody's making: names and shapes first, tensors one at a time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import BundleError

if TYPE_CHECKING:
    import numpy as np

# A header of 200 layers takes 0.4 MB; safetensors itself would read up to 100 MB.
MAX_HEADER_BYTES = 16 * 2**20

ADAPTER_PREFIX = "base_model.model."  # PEFT's, before each name in an adapter file

_OTHER_FORMATS = {
    b"\x80": "a pickle",
    b"PK": "a zip archive (a torch or Keras file)",
    b"\x89HDF": "an HDF5 file",
}


class Tensors(Mapping[str, "np.ndarray"]):
    """The tensors of one safetensors file; nothing but the header is read before one is asked for.

    Args:
        path: The file.

    Attributes:
        shapes: Tensor name -> shape, from the header.
        count: How many numbers there are in all tensors.

    Raises:
        BundleError: The file is missing, is of another format, or its header does not fit its size;
            or a tensor is not float32.
    """

    def __init__(self, path: str | Path) -> None:
        import safetensors

        self._path = Path(path)
        _check_start(self._path)
        try:
            # It checks that offsets, shapes and the file's size agree, without taking memory.
            self._file: Any = safetensors.safe_open(path, framework="numpy")
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118
        except (safetensors.SafetensorError, OSError) as error:
            raise BundleError(f"{path} is not a whole safetensors file: {error}.") from error
        for name, tensor in slices.items():
            if tensor.get_dtype() != "F32":
                raise BundleError(
                    f"{path} holds {name!r} as {tensor.get_dtype()}, but it must be F32 (float32)."
                )
        self.shapes = {name: tuple(tensor.get_shape()) for name, tensor in slices.items()}
        self.count = sum(math.prod(shape) for shape in self.shapes.values())

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.shapes:
            raise KeyError(name)
        return self._file.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def full_modules(adapter_weights: Path) -> set[str]:
    """The Hugging Face modules that an adapter file holds whole (those it only adapts left out)."""
    suffix = ".weight"
    return {
        name.removeprefix(ADAPTER_PREFIX).removesuffix(suffix)
        for name in Tensors(adapter_weights)
        if name.endswith(suffix) and not name.endswith((".lora_A.weight", ".lora_B.weight"))
    }


def _check_start(path: Path) -> None:
    """Refuses pickles and their like by name, and a header larger than the file or any need."""
    try:
        with open(path, "rb") as file:
            start = file.read(8)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
    header = int.from_bytes(start, "little")
    if len(start) == 8 and 0 < header <= min(MAX_HEADER_BYTES, size - 8):
        return
    for mark, kind in _OTHER_FORMATS.items():
        if start.startswith(mark):
            raise BundleError(f"{path} is {kind}, not safetensors, so it was not read.")
    raise BundleError(f"{path} is not a safetensors file (its header cannot be {header} bytes).")
