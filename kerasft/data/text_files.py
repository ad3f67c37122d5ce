"""Bytes of a data file to text: UTF-8, with a byte order mark or without."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from kerasft.errors import DataError


@dataclass(frozen=True)
class TextFile:
    """A file's content.

    Attributes:
        source: The path, for messages.
        text: The content, line ends as they are.
        sha256: Hash of the bytes.
    """

    source: str
    text: str
    sha256: str


def read_text(path: Path) -> TextFile:
    """Reads a UTF-8 file.

    Raises:
        DataError: The file cannot be opened, is empty, is not UTF-8 or holds a NUL character.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not UTF-8: byte 0x{content[error.start]:02x} in line {line} (byte "
            f"{error.start}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{path} is empty")
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise DataError(f"{path} has a NUL character in line {line}; remove it")
    return TextFile(str(path), text, hashlib.sha256(content).hexdigest())
