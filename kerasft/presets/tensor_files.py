"""The tensors of safetensors files, read one by one on demand."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from kerasft.errors import PresetError
from kerasft.presets.wrapped_names import unwrapped_names
from kerasft.storage import Tensors


class TensorFiles(Mapping[str, np.ndarray]):
    """Tensor by name over one or more safetensors files; always float32.

    At first only the headers are read.

    Names are those of the model alone: prefixes of a module around it are removed.

    Args:
        paths: The files; no name may occur in two of them.

    Attributes:
        shapes: Shape by name.
        note: A sentence on removed prefixes; None without any.

    Raises:
        PresetError: A file is broken, or (when asked for it) a tensor is not of floats.

    Example:
        >>> tensors = TensorFiles([Path("model.safetensors")])
        >>> tensors["classifier.bias"].shape
        (3,)
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files: dict[str, Tensors] = {}
        for path in paths:
            # A checkpoint may hold integer positions, which no model reads.
            file = Tensors(path, error=PresetError, refuse_late=True)
            for name in file:
                if name in self._files:
                    raise PresetError(f"the tensor {name!r} is in {path} and in another file too")
                self._files[name] = file
        found = {name: file.shapes[name] for name, file in self._files.items()}
        self._stored, self.note = unwrapped_names(found, str(paths[0].parent) if paths else "")
        self.shapes = {name: found[stored] for name, stored in self._stored.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        stored = self._stored[name]
        return self._files[stored][stored]

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)
