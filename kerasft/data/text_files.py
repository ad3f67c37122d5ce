"""Data files, read piece by piece: only files, only UTF-8, and no more than memory may hold."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from kerasft.errors import ConfigError, DataError

# Characters of one text. Tokenizing so many takes 2 s and 400 MB; no model reads as much at once.
MAX_TEXT = 2_000_000
# Characters of one line of a file, in which escapes and other columns stand as well.
MAX_LINE = 8 * MAX_TEXT
# Gigabytes of memory that the rows of one source may take, unless MAX_DATA_VARIABLE says otherwise.
MAX_DATA_GB = 4.0
MAX_DATA_VARIABLE = "KERASFT_MAX_DATA_GB"
# Prose shrinks to a fifth or so. What grows a hundredfold was made to fill the memory, but for what
# is small all the same.
MOST_GROWTH = 100
HARMLESS_BYTES = 256 * 2**20
# What a row takes beside its strings.
ROW_BYTES = 128

_CHUNK = 2**20


class TextFile:
    """A UTF-8 file that is read line by line, with a byte order mark or without.

    Attributes:
        source: Its name, for messages.
    """

    def __init__(self, source: str, read: Callable[[], bytes], *, nul: bool = False) -> None:
        r"""Begins to read.

        Args:
            source: Its name, for messages.
            read: Gives the next bytes; b"" at the end.
            nul: Whether NUL characters may stand in it; they never may in its first line, where
                they mean that it is UTF-16.
        """
        self.source = source
        self._read = read
        self._nul = nul
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hash of the bytes that have been read: after the last line, of the file."""
        return self._digest.hexdigest()

    def lines(self, newline: Literal["", "\n"] = "\n") -> Iterator[str]:
        r"""The lines, each with its end as it stands in the file.

        Args:
            newline: What ends a line: "\n" alone, or, with "", any of "\n", "\r" and "\r\n".

        Raises:
            DataError: The file cannot be read, is empty, is not UTF-8, or has a line that is too
                long or holds a NUL character.
        """
        empty = True
        for number, line in enumerate(self._split(newline), start=1):
            if "\0" in line and (not self._nul or number == 1):
                raise DataError(
                    f"{self.source} has a NUL character in line {number}; remove it, or save the "
                    "file as UTF-8 if it is UTF-16"
                )
            empty = empty and not line.strip()
            yield line
        if empty:
            raise DataError(f"{self.source} is empty")

    def _split(self, newline: Literal["", "\n"]) -> Iterator[str]:
        begun: list[str] = []  # pieces of a line whose end has not been read yet
        size = number = 0
        for piece in self._decoded():
            begun.append(piece)
            size += len(piece)
            if "\n" in piece or (newline == "" and "\r" in piece):
                lines = list(io.StringIO("".join(begun), newline=newline))
                # A "\r" at the end may be half of "\r\n".
                begun = [] if lines[-1].endswith("\n") else [lines.pop()]
                size = sum(map(len, begun))
                for line in lines:
                    number += 1
                    self._check_line(len(line), number)
                    yield line
            self._check_line(size, number + 1)
        yield from io.StringIO("".join(begun), newline=newline)

    def _check_line(self, size: int, number: int) -> None:
        if size > MAX_LINE:
            raise DataError(
                f"{self.source} has more than {MAX_LINE} characters in line {number}; a text may "
                f"have {MAX_TEXT}, so shorten or split it"
            )

    def _decoded(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")()
        offset = line_ends = 0  # of the bytes before those that the decoder gets
        begun = False
        while True:
            try:
                content = self._read()
            except OSError as error:
                raise DataError(f"cannot read {self.source}: {error.strerror or error}") from None
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeDecodeError as error:
                line = line_ends + error.object.count(b"\n", 0, error.start) + 1
                raise DataError(
                    f"{self.source} is not UTF-8: byte 0x{error.object[error.start]:02x} in line "
                    f"{line} (byte {offset - held + error.start}); save the file as UTF-8"
                ) from None
            if not content:
                return
            self._digest.update(content)
            yield text if begun else text.removeprefix("\ufeff")
            begun = begun or bool(text)
            offset += len(content)
            line_ends += content.count(b"\n")


class Budget:
    """How much the rows of one source may still take.

    Attributes:
        left: Bytes of memory.
    """

    def __init__(self, source: str, packed: int | None = None) -> None:
        """Begins with nothing taken.

        Args:
            source: The file or data set, for messages.
            packed: Bytes of the file, if it holds its rows compressed.

        Raises:
            ConfigError: The variable that raises the limit is no number above 0.
        """
        self._source = source
        self._packed = packed
        self.left = max_data_bytes()
        if packed is not None:
            self.left = min(self.left, max(HARMLESS_BYTES, MOST_GROWTH * packed))

    def take(self, place: str, number: int, *texts: str | None) -> None:
        """Counts a row.

        Args:
            place: What `number` counts, for messages: "line", "row".
            number: Where the row is.

        Raises:
            DataError: One of them is too long, or all rows together take too much.
        """
        self.left -= ROW_BYTES
        for text in texts:
            if text is not None:
                if len(text) > MAX_TEXT:
                    self.refuse_text(place, number, len(text))
                self.left -= sys.getsizeof(text)
        if self.left < 0:
            self.refuse()

    def refuse_text(self, place: str, number: int, size: int) -> None:
        """Says that a text is too long.

        Raises:
            DataError: Always.
        """
        raise DataError(
            f"{self._source} {place} {number} has a text of {size} characters, but {MAX_TEXT} is "
            "the most; shorten or split it"
        )

    def refuse(self) -> None:
        """Says that the rows take too much.

        Raises:
            DataError: Always.
        """
        if self._packed is not None and MOST_GROWTH * self._packed < max_data_bytes():
            raise DataError(
                f"{self._source} has {self._packed} bytes, but its rows would take more than "
                f"{max(HARMLESS_BYTES, MOST_GROWTH * self._packed)} in memory, which no text does; "
                "if you trust it, save its rows as csv"
            )
        raise DataError(
            f"the rows of {self._source} take more than {max_data_bytes() / 1e9:g} GB of memory; "
            f"take fewer, or raise the limit with {MAX_DATA_VARIABLE}"
        )


def max_data_bytes() -> int:
    """Bytes of memory that the rows of one source may take.

    Raises:
        ConfigError: The variable that raises the limit is no number above 0.
    """
    value = os.environ.get(MAX_DATA_VARIABLE) or MAX_DATA_GB
    try:
        found = float(value)
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:  # also if it is NaN
        raise ConfigError(f"{MAX_DATA_VARIABLE} is {value!r}; give gigabytes, such as 16")
    return int(found * 1e9)


@contextmanager
def open_text(path: Path, *, nul: bool = False) -> Iterator[TextFile]:
    """Opens a UTF-8 file to be read by its lines.

    Args:
        nul: See `TextFile`.

    Raises:
        DataError: It cannot be opened.
    """
    with open_file(path) as stream:
        yield TextFile(str(path), lambda: stream.read(_CHUNK) or b"", nul=nul)


@contextmanager
def open_file(path: Path) -> Iterator[io.BufferedReader]:
    """Opens a file that must be one: no folder, and no pipe or device, which may never end.

    Raises:
        DataError: It cannot be opened, or is something else.
    """
    try:
        _check_file(path, os.stat(path).st_mode)
        # Not blocking, should it have become a pipe by now, whose other end may never be opened.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        stream = os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}; check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"cannot read {path}: {reason}") from None
    with stream:
        _check_file(path, os.fstat(stream.fileno()).st_mode)
        yield stream


def _check_file(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    raise DataError(f"cannot read {path}: it is {kind}; give a file")
