"""The reason why a file could not be written, whichever library was writing it.

Python's own files, zip archives, pictures and HDF5 raise an OSError with a number; the libraries
that are written in Rust put the number into a text: `SafetensorError("... (os error 28)")`.
"""

import errno
import os
import re
import shutil
from pathlib import Path

from kerasft.errors import ConfigError, KerasftError

FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
"""No room on the disk, none in the user's quota, none in a file of this system or shell."""
_IN_TEXT = re.compile(r"\(os error (\d+)\)|\bErrno (\d+)\]|\berrno = (\d+)\b")


class NoRoomError(ConfigError):
    """The disk is full; what was there before is unchanged."""


def number_of(error: BaseException) -> int | None:
    """The number of the system's error behind an exception; None for other errors.

    Example:
        >>> number_of(SafetensorError("I/O error: No space left on device (os error 28)"))
        28
    """
    if isinstance(error, KerasftError):
        return None
    if isinstance(error, OSError) and error.errno:
        return error.errno
    found = _IN_TEXT.search(str(error))
    return int(found[found.lastindex or 0]) if found else None


def reason_of(error: BaseException) -> str | None:
    """Why a file could not be written, in a few words; None if the disk was not the reason.

    Example:
        >>> reason_of(OSError(28, "No space left on device"))
        'No space left on device'
    """
    number = number_of(error)
    if number is not None:
        return os.strerror(number)
    return str(error) if isinstance(error, OSError) else None


def sentence(destination: str | Path, error: Exception, size: int = 0) -> ConfigError | None:
    """The error to raise in place of one that stopped the writing of a file or a folder.

    Args:
        destination: What was being written.
        error: What was raised meanwhile.
        size: Bytes to be written, if known.

    Returns:
        None if neither the disk nor its permissions were the reason.
    """
    reason, number = reason_of(error), number_of(error)
    if reason is None:
        return None
    if number not in FULL:
        return ConfigError(f"{destination} cannot be written: {error}.")
    room = [f"{_amount(size)} are needed"] if size else []
    if number == errno.ENOSPC:
        room.append(f"{_amount(_free(Path(destination)))} are free")
    figures = f" ({', '.join(room)})" if room else ""
    return NoRoomError(
        f"{destination} cannot be written: {reason}{figures}; nothing was changed there, so make "
        "room and try again."
    )


def _free(path: Path) -> int:
    """Bytes that are free where a path is, or would be."""
    path = Path(os.path.realpath(path)).parent
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def _amount(size: int) -> str:
    """A number of bytes in words."""
    for unit, bytes_of_it in (("GB", 1e9), ("MB", 1e6)):
        if size >= bytes_of_it:
            return f"{size / bytes_of_it:.1f} {unit}"
    return f"{size // 1000} KB"
