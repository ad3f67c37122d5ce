"""Checks an untrusted `model.bin` before CTranslate2 reads it.

CTranslate2 takes memory for as many numbers as the file says there are. So the file is walked
first, over its heads alone: name, shape and type of each weight, which must add up to the file.

    version, name of the specification, revision, number of weights
    each weight: name, shape, type, bytes, the numbers
    number of other names; each: the name, and the weight that it stands for
"""

from __future__ import annotations

import io
import math
import os
import struct
from pathlib import Path
from typing import BinaryIO

from kerasft.errors import FolderError

VERSION = 6
SPECIFICATION = "TransformerSpec"
ITEM_BYTES = (4, 1, 2, 4)
"""Of float32, int8, int16 and int32, as the file numbers them; no export of ours has another."""
MOST_WEIGHTS = 100_000
MOST_DIMENSIONS = 4


class _Refused(Exception):
    """What is wrong with the file, to be said after its name."""


def check_ctranslate2_file(raw: bytes, path: Path) -> None:
    """Refuses a file that is no whole model of CTranslate2, or not of the kind that we write.

    Args:
        path: Its path, for error messages.

    Raises:
        FolderError: One sentence that names the file.

    Example:
        >>> path = Path("saved_models/run/export/ctranslate2/model.bin")
        >>> check_ctranslate2_file(path.read_bytes(), path)
    """
    try:
        _check(io.BytesIO(raw), len(raw))  # which shares the bytes
    except _Refused as reason:
        raise FolderError(f"{path} {reason}, so it was not read.") from None


def _check(file: BinaryIO, size: int) -> None:
    version = _whole(file, "I")
    if version != VERSION:
        raise _Refused(f"is of version {version}, not {VERSION}")
    name = _name(file)
    if name != SPECIFICATION:
        raise _Refused(f"holds a {name[:60]!r}, not a {SPECIFICATION!r}")
    _whole(file, "I")  # the revision, which CTranslate2 knows to read
    for _ in range(_count(file)):
        name = _name(file)
        dimensions = _whole(file, "B")
        if dimensions > MOST_DIMENSIONS:
            raise _Refused(f"holds {name[:60]!r} with {dimensions} dimensions")
        shape = [_whole(file, "I") for _ in range(dimensions)]
        kind = _whole(file, "B")
        held = _whole(file, "I")
        if kind >= len(ITEM_BYTES):
            raise _Refused(f"holds {name[:60]!r} as the type {kind}")
        if held != math.prod(shape) * ITEM_BYTES[kind] or held > size - file.tell():
            raise _Refused(f"does not hold {name[:60]!r} whole")
        file.seek(held, os.SEEK_CUR)
    for _ in range(_count(file)):
        _name(file)
        _name(file)
    if file.tell() != size:
        raise _Refused("goes on where it should end")


def _count(file: BinaryIO) -> int:
    count = _whole(file, "I")
    if count > MOST_WEIGHTS:
        raise _Refused(f"lists {count} weights")
    return count


def _whole(file: BinaryIO, kind: str) -> int:
    """The next number, of the kind that `struct` calls so."""
    (number,) = struct.unpack(f"<{kind}", _read(file, struct.calcsize(f"<{kind}")))
    return number


def _name(file: BinaryIO) -> str:
    """The next text: its length with the byte 0 at its end, then itself."""
    return _read(file, _whole(file, "H"))[:-1].decode("utf-8", "replace")


def _read(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise _Refused("ends too early")
    return data
