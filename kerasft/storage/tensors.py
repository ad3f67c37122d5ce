"""safetensors files: written here, and read by whoever checked where they come from.

The package `safetensors` reads a file by its name, or copies all of its tensors. Here a file may
also be its bytes, so that what was hashed is what is read; and each tensor is copied when it is
asked for, so that a file is never twice in memory.

Source: "Format" in https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasft.errors import KerasftError
from kerasft.storage.files import parse_json

if TYPE_CHECKING:
    import numpy as np

KINDS = {
    **{"F64": (8, "<f8"), "I64": (8, "<i8"), "U64": (8, "<u8"), "C64": (8, "<c8")},
    **{"F32": (4, "<f4"), "I32": (4, "<i4"), "U32": (4, "<u4")},
    **{"F16": (2, "<f2"), "BF16": (2, "bfloat16"), "I16": (2, "<i2"), "U16": (2, "<u2")},
    **{"F8_E4M3": (1, "float8_e4m3fn"), "F8_E5M2": (1, "float8_e5m2")},
    **{"I8": (1, "i1"), "U8": (1, "u1"), "BOOL": (1, "?")},
}
"""Bytes of a number, and its type in NumPy, by the format's name of its type."""
FLOATS = ("F64", "F32", "F16", "BF16")
# A header of 200 layers takes 0.4 MB; safetensors itself would read up to 100 MB.
MAX_HEADER_BYTES = 16 * 2**20
_OTHER_FORMATS = {
    b"\x80": "a pickle",
    b"PK": "a zip archive (a torch or Keras file)",
    b"\x89HDF": "an HDF5 file",
}


class Tensors(Mapping[str, "np.ndarray"]):
    """The tensors of one untrusted safetensors file, by name, each read when it is asked for.

    Args:
        path: The file.
        raw: All of it, where it was read before.
        error: What to raise.
        kinds: The types of number that its tensors may have. Others are refused at once, or, with
            `refuse_late`, when such a tensor is asked for.
        refuse_late: Whether tensors of other types may be there as long as nobody wants them.
        native: Whether tensors are given in the type that they have there, and not as float32.
        spelling: Gives the one spelling of a name that the file may spell in two ways.

    Attributes:
        path: The file.
        shapes: Tensor name -> shape, in the order of the header.
        count: How many numbers there are in all tensors.

    Raises:
        KerasftError: Of the class `error`: the file is missing, is of another format or not whole,
            or holds other types of number.

    Example:
        >>> tensors = Tensors("model.safetensors", error=PresetError)
        >>> tensors["classifier.bias"].shape
        (3,)
    """

    def __init__(
        self,
        path: str | Path,
        raw: bytes | None = None,
        *,
        error: type[KerasftError],
        kinds: Collection[str] = FLOATS,
        refuse_late: bool = False,
        native: bool = False,
        spelling: Callable[[str], str] = str,
    ) -> None:
        self.path = Path(path)
        self._error, self._kinds, self._native = error, kinds, native
        self._raw = _map(self.path, error) if raw is None else raw
        found = _find_tensors(self._raw, self.path, error)
        self._places = {spelling(name): place for name, place in found.items()}
        if len(self._places) < len(found):
            spelt = [spelling(name) for name in found]
            twice = next(name for name in spelt if spelt.count(name) > 1)
            raise error(f"{path} holds {twice!r} in two spellings; keep one of them.")
        if not refuse_late:
            for name in self._places:
                self._check_kind(name)
        self.shapes = {name: place.shape for name, place in self._places.items()}
        self.count = sum(math.prod(shape) for shape in self.shapes.values())

    def __getitem__(self, name: str) -> np.ndarray:
        import numpy as np

        kind, shape, start = self._places[name]
        self._check_kind(name)
        dtype = KINDS[kind][1]
        if "float" in dtype:  # numpy knows it from this package alone
            import ml_dtypes

            dtype = getattr(ml_dtypes, dtype)
        stored = np.frombuffer(self._raw, dtype, math.prod(shape), start).reshape(shape)
        # A copy: aligned, and it may be written to.
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinity
            return np.array(stored, dtype=stored.dtype if self._native else "float32")

    def __iter__(self) -> Iterator[str]:
        return iter(self.shapes)

    def __len__(self) -> int:
        return len(self.shapes)

    def _check_kind(self, name: str) -> None:
        kind = self._places[name].kind
        if kind not in self._kinds:
            raise self._error(
                f"{self.path} holds {name!r} as {kind}, but it must be {' or '.join(self._kinds)}; "
                "a quantized model cannot be read."
            )


def write_tensors(tensors: Mapping[str, np.ndarray], file: Path) -> None:
    """Writes a safetensors file, which may be read by whoever may read its folder.

    Args:
        tensors: Arrays by their names.
        file: The file.

    Raises:
        OSError, safetensors.SafetensorError: It cannot be written.
    """
    import safetensors.numpy

    # transformers wants to read there how the tensors are laid out.
    safetensors.numpy.save_file(dict(tensors), file, metadata={"format": "pt"})
    file.chmod(file.parent.stat().st_mode & 0o666)  # safetensors lets its owner alone read it


class _Place(NamedTuple):
    """One tensor: its type ("F32"), its shape, and where its numbers begin among the bytes."""

    kind: str
    shape: tuple[int, ...]
    start: int


def _map(path: Path, error: type[KerasftError]) -> bytes | mmap.mmap:
    """A file's bytes, which are read from the disk when they are looked at."""
    try:
        with open(path, "rb") as file:
            if not file.seek(0, 2):
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as problem:
        raise error(f"{path} cannot be read: {problem.strerror}.") from problem


def _find_tensors(
    raw: bytes | mmap.mmap, path: Path, error: type[KerasftError]
) -> dict[str, _Place]:
    """Reads the header and checks that the tensors fill the file, one behind the other.

    Returns:
        Tensor name -> place, in the order of the header.
    """
    again = "fetch, copy or save it again."
    start = raw[:8]
    size = int.from_bytes(start, "little")
    if len(raw) < 8 or not 0 < size <= min(MAX_HEADER_BYTES, len(raw) - 8):
        for mark, kind in _OTHER_FORMATS.items():
            if start.startswith(mark):
                raise error(f"{path} is {kind}, not safetensors, so it was not read; {again}")
        raise error(
            f"{path} is not a safetensors file (its header cannot be {size} bytes); {again}"
        )
    not_whole = f"{path} is not a whole safetensors file"
    header = parse_json(raw[8 : 8 + size], path, error)
    if not isinstance(header, dict):
        raise error(f"{not_whole}: its header is no JSON object; {again}")
    header.pop("__metadata__", None)
    places: dict[str, _Place] = {}
    spans = []
    for tensor, entry in header.items():
        if not _is_entry(entry):
            raise error(f"{not_whole}: its entry {tensor[:60]!r} cannot be; {again}")
        begin, end = entry["data_offsets"]
        places[tensor] = _Place(entry["dtype"], tuple(entry["shape"]), 8 + size + begin)
        spans.append((begin, end))
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            break
        reached = end
    else:
        if reached == len(raw) - 8 - size:
            return places
    raise error(f"{not_whole}: its tensors do not fill it; {again}")


def _is_entry(entry: Any) -> bool:
    """Whether an entry of a header has a type, a shape, and as many bytes as these need."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        return False
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    return (
        isinstance(kind, str)
        and kind in KINDS
        and isinstance(shape, list)
        and len(shape) <= 32
        and isinstance(offsets, list)
        and len(offsets) == 2
        and all(type(number) is int and 0 <= number < 2**63 for number in (*shape, *offsets))
        and offsets[1] - offsets[0] == math.prod(shape) * KINDS[kind][0]
    )
