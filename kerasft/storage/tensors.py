"""Where the tensors stand in the bytes of an untrusted safetensors file.

The package `safetensors` reads a file by its name, or copies all of its tensors. Whoever has
checked the hash of some bytes wants the tensors of these bytes, and not twice the memory.

Source: "Format" in https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from kerasft.errors import KerasftError
from kerasft.storage.files import parse_json

if TYPE_CHECKING:
    import numpy as np

ITEM_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}
"""Bytes of a number, by the format's name of its type."""
# A header of 200 layers takes 0.4 MB; safetensors itself would read up to 100 MB.
MAX_HEADER_BYTES = 16 * 2**20
_OTHER_FORMATS = {
    b"\x80": "a pickle",
    b"PK": "a zip archive (a torch or Keras file)",
    b"\x89HDF": "an HDF5 file",
}


class Place(NamedTuple):
    """One tensor: its type ("F32"), its shape, and where its numbers begin among the bytes."""

    kind: str
    shape: tuple[int, ...]
    start: int


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


def find_tensors(raw: bytes, name: str, error_class: type[KerasftError]) -> dict[str, Place]:
    """Reads the header and checks that the tensors fill the file, one behind the other.

    Args:
        raw: All of the file.
        name: The file, for messages.
        error_class: What to raise.

    Returns:
        Tensor name -> place, in the order of the header.

    Raises:
        KerasftError: Of the class `error_class`: another format, or not whole.
    """
    size = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or not 0 < size <= min(MAX_HEADER_BYTES, len(raw) - 8):
        for mark, kind in _OTHER_FORMATS.items():
            if raw.startswith(mark):
                raise error_class(f"{name} is {kind}, not safetensors, so it was not read.")
        raise error_class(f"{name} is not a safetensors file (its header cannot be {size} bytes).")
    header = parse_json(raw[8 : 8 + size], name, error_class)
    if not isinstance(header, dict):
        raise error_class(f"{name} is not a whole safetensors file: its header is no JSON object.")
    header.pop("__metadata__", None)
    places: dict[str, Place] = {}
    spans = []
    for tensor, entry in header.items():
        if not _is_entry(entry):
            raise error_class(
                f"{name} is not a whole safetensors file: its entry {tensor[:60]!r} cannot be."
            )
        begin, end = entry["data_offsets"]
        places[tensor] = Place(entry["dtype"], tuple(entry["shape"]), 8 + size + begin)
        spans.append((begin, end))
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            break
        reached = end
    else:
        if reached == len(raw) - 8 - size:
            return places
    raise error_class(f"{name} is not a whole safetensors file: its tensors do not fill it.")


def _is_entry(entry: Any) -> bool:
    """Whether an entry of a header has a type, a shape, and as many bytes as these need."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        return False
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    return (
        isinstance(kind, str)
        and kind in ITEM_BYTES
        and isinstance(shape, list)
        and len(shape) <= 32
        and isinstance(offsets, list)
        and len(offsets) == 2
        and all(type(number) is int and 0 <= number < 2**63 for number in (*shape, *offsets))
        and offsets[1] - offsets[0] == math.prod(shape) * ITEM_BYTES[kind]
    )
