"""An adapter's tensors: names and shapes from the header first, arrays when they are asked for."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (teaches numpy bfloat16, which safetensors then can read)
import numpy as np
from safetensors import SafetensorError, safe_open

from kerasft.errors import AdapterError

_FLOATS = ("F64", "F32", "F16", "BF16")


class TensorFile(Mapping[str, np.ndarray]):
    """Tensor by name of one safetensors file, as float32.

    `...lora_A.default.weight`, as a PEFT model calls its own weights, counts as `...lora_A.weight`,
    as PEFT saves them and reads both.

    Args:
        path: The file.

    Attributes:
        path: The file.
        shapes: Shape by name, from the header.

    Raises:
        AdapterError: The file is missing or broken, or a tensor is not of finite floats.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            others = sorted(path.parent.glob(f"{path.stem}.*"))
            hint = f"; {others[0].name} is a pickle, which is never read" if others else ""
            raise AdapterError(f"{path} does not exist{hint}; save the adapter as safetensors.")
        try:
            self._file: Any = safe_open(path, framework="numpy")
            slices = {name: self._file.get_slice(name) for name in self._file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as problem:
            raise AdapterError(f"{path} is not a whole safetensors file: {problem}.") from None
        for name, each in slices.items():
            if each.get_dtype() not in _FLOATS:
                raise AdapterError(
                    f"{path} holds {name!r} as {each.get_dtype()}, but only floats "
                    f"({', '.join(_FLOATS)}) can be read."
                )
        self._stored = {_without_adapter_name(name): name for name in slices}
        if len(self._stored) < len(slices):
            twice = next(each for each in slices if each not in self._stored.values())
            raise AdapterError(f"{path} holds {twice!r} with and without the adapter's name.")
        self.shapes = {
            name: tuple(slices[stored].get_shape()) for name, stored in self._stored.items()
        }

    def __getitem__(self, name: str) -> np.ndarray:
        array = self._file.get_tensor(self._stored[name]).astype(np.float32, copy=False)
        if not np.isfinite(array).all():
            raise AdapterError(f"{self.path} holds NaN or infinity in {name!r}.")
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)


def _without_adapter_name(name: str) -> str:
    for matrix in (".lora_A", ".lora_B"):
        if name.endswith(f"{matrix}.default.weight"):
            return name.removesuffix(".default.weight") + ".weight"
    return name
