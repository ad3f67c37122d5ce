"""The tensors of an untrusted safetensors file, from its bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError
from kerasft.storage.tensors import find_tensors

if TYPE_CHECKING:
    import numpy as np

ADAPTER_PREFIX = "base_model.model."  # PEFT's, before each name in an adapter file


class Tensors(Mapping[str, "np.ndarray"]):
    """The tensors of one safetensors file, copied out of its bytes when it is asked for.

    Args:
        path: The file.
        raw: All of it, where it was read before; it is read by its name otherwise.

    Attributes:
        shapes: Tensor name -> shape.
        count: How many numbers there are in all tensors.

    Raises:
        BundleError: The file is missing, is of another format, or its header does not fit its size;
            or a tensor is not float32.
    """

    def __init__(self, path: str | Path, raw: bytes | None = None) -> None:
        if raw is None:
            try:
                raw = Path(path).read_bytes()
            except OSError as error:
                raise BundleError(f"{path} cannot be read: {error.strerror}.") from error
        self._raw = raw
        self._places = find_tensors(raw, str(path), BundleError)
        for name, place in self._places.items():
            if place.kind != "F32":
                raise BundleError(
                    f"{path} holds {name!r} as {place.kind}, but it must be F32 (float32)."
                )
        self.shapes = {name: place.shape for name, place in self._places.items()}
        self.count = sum(math.prod(shape) for shape in self.shapes.values())

    def __getitem__(self, name: str) -> np.ndarray:
        import numpy as np

        _, shape, start = self._places[name]
        found = np.frombuffer(self._raw, "<f4", math.prod(shape), start)
        return found.reshape(shape).copy()  # which may be written to, and is aligned

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def full_modules(names: Mapping[str, object]) -> set[str]:
    """The Hugging Face modules that an adapter holds whole (those it only adapts left out).

    Args:
        names: The names of its tensors, as keys.
    """
    suffix = ".weight"
    return {
        name.removeprefix(ADAPTER_PREFIX).removesuffix(suffix)
        for name in names
        if name.endswith(suffix) and not name.endswith((".lora_A.weight", ".lora_B.weight"))
    }
