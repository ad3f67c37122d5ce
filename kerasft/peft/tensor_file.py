"""An adapter's tensors: names and shapes from the header first, arrays when they are asked for."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import ml_dtypes  # noqa: F401  (teaches numpy bfloat16, which safetensors then can read)
import numpy as np

from kerasft.errors import AdapterError
from kerasft.storage.tensors import find_tensors

_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "bfloat16"}


class TensorFile(Mapping[str, np.ndarray]):
    """Tensor by name of one safetensors file, as float32.

    Args:
        path: The file.
        raw: All of it, where it was read before; it is read by its name otherwise.
        spelling: Gives the one spelling of a name that the file may spell in two ways.

    Attributes:
        path: The file.
        shapes: Shape by name, from the header.

    Raises:
        AdapterError: The file is missing or broken, or a tensor is not of finite floats.
    """

    def __init__(
        self, path: Path, raw: bytes | None = None, spelling: Callable[[str], str] = str
    ) -> None:
        self.path = path
        if raw is None:
            if not path.is_file():
                others = sorted(path.parent.glob(f"{path.stem}.*"))
                hint = f"; {others[0].name} is a pickle, which is never read" if others else ""
                raise AdapterError(f"{path} does not exist{hint}; save the adapter as safetensors.")
            try:
                raw = path.read_bytes()
            except OSError as problem:
                raise AdapterError(f"{path} cannot be read: {problem.strerror}.") from None
        self._raw = raw
        slices = find_tensors(raw, str(path), AdapterError)
        for name, each in slices.items():
            if each.kind not in _FLOATS:
                raise AdapterError(
                    f"{path} holds {name!r} as {each.kind}, but only floats "
                    f"({', '.join(_FLOATS)}) can be read."
                )
        self._places = slices
        self._stored = {spelling(name): name for name in slices}
        if len(self._stored) < len(slices):
            twice = next(each for each in slices if each not in self._stored.values())
            raise AdapterError(f"{path} holds {twice!r} with and without the adapter's name.")
        self.shapes = {name: slices[stored].shape for name, stored in self._stored.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        kind, shape, start = self._places[self._stored[name]]
        array = np.frombuffer(self._raw, _FLOATS[kind], math.prod(shape), start)
        array = array.reshape(shape).astype(np.float32)
        if not np.isfinite(array).all():
            raise AdapterError(f"{self.path} holds NaN or infinity in {name!r}.")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)
