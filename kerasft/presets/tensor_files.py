"""The tensors of safetensors files, read one by one when they are asked for."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401  (teaches numpy bfloat16, which safetensors then can read)
import numpy as np
from safetensors import SafetensorError, safe_open

from kerasft.errors import PresetError
from kerasft.presets.wrapped_names import unwrapped_names

_FLOATS = ("F64", "F32", "F16", "BF16")


class TensorFiles(Mapping[str, np.ndarray]):
    """Tensor by name over one or more safetensors files; always float32.

    Nothing but the headers is read until a tensor is asked for.

    Names are those that a model has by itself: what the module put before them that it was saved
    in is taken off.

    Args:
        paths: The files; no name may occur in two of them.

    Attributes:
        shapes: Shape by name.
        note: A sentence on what was taken off the names; None where that is nothing.

    Raises:
        PresetError: A file is broken, or (when asked for it) a tensor is not of floats.

    Example:
        >>> tensors = TensorFiles([Path("model.safetensors")])
        >>> tensors["classifier.bias"].shape
        (3,)
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        found: dict[str, tuple[int, ...]] = {}
        self._files: dict[str, tuple[Path, Any]] = {}
        for path in paths:
            try:
                file = safe_open(path, framework="numpy")
                names = list(file.keys())
                shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
            except (SafetensorError, OSError) as error:
                raise PresetError(
                    f"{path} is not a whole safetensors file ({error}); fetch or copy it again"
                ) from None
            for name in names:
                if name in found:
                    raise PresetError(f"the tensor {name!r} is in {path} and in another file too")
                self._files[name] = (path, file)
            found.update(shapes)
        self._stored, self.note = unwrapped_names(found, str(paths[0].parent) if paths else "")
        self.shapes = {name: found[stored] for name, stored in self._stored.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        name = self._stored[name]
        path, file = self._files[name]
        kind = file.get_slice(name).get_dtype()
        if kind not in _FLOATS:
            raise PresetError(
                f"the tensor {name!r} of {path} is of type {kind}, but only float weights "
                f"({', '.join(_FLOATS)}) are supported; a quantized model cannot be fine-tuned here"
            )
        return file.get_tensor(name).astype(np.float32, copy=False)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)
