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
    return decode_text(read_bytes(path), str(path))


def read_bytes(path: Path) -> bytes:
    """Reads a file.

    Raises:
        DataError: The file cannot be opened.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}") from None


def decode_text(content: bytes, source: str) -> TextFile:
    """Makes a text of a file's bytes.

    Args:
        content: The bytes.
        source: Where they come from, for messages.

    Raises:
        DataError: They are empty, not UTF-8 or hold a NUL character.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{source} is not UTF-8: byte 0x{content[error.start]:02x} in line {line} (byte "
            f"{error.start}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{source} is empty")
    nul = text.find("\0")
    if nul >= 0:
        line = text.count("\n", 0, nul) + 1
        raise DataError(f"{source} has a NUL character in line {line}; remove it")
    return TextFile(source, text, hashlib.sha256(content).hexdigest())
