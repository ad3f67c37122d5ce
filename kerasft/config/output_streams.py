"""What a run prints: nobody may read it, or a terminal of few letters, and the run goes on."""

from __future__ import annotations

import codecs
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def robust_output() -> Iterator[None]:
    """Lets the work go on where nobody reads what is printed, or where it cannot be encoded.

    A run of hours is not to end since the reader of its output has (`| head -1`), since the disk of
    its log is full, or since a terminal of ASCII cannot show a letter. What a terminal cannot show
    is escaped; bytes of a path that are no letters are printed as they are.
    """
    codecs.register_error(_Readerless.ERRORS, _escaped)
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_readerless(stream) for stream in streams)
    try:
        yield
    finally:
        for ours in (sys.stdout, sys.stderr):
            ours.flush()
        sys.stdout, sys.stderr = streams


def open_closed_output() -> None:
    """Gives a process that was started without standard output or error something to print to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # What cannot be encoded must not fail here either.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors="replace"))  # noqa: SIM115


class _Readerless(io.FileIO):
    """A descriptor to write to; what it does not take is dropped."""

    ERRORS = "kerasft.escaped"

    def write(self, data: Any) -> int:
        """Writes, or drops; see `io.RawIOBase.write`."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _readerless(stream: Any) -> Any:
    """The stream, robust; as it is where it is not the process's own (in a test, say)."""
    try:
        raw = _Readerless(stream.fileno(), "w", closefd=False)
    except (OSError, AttributeError, ValueError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=_Readerless.ERRORS,
        line_buffering=True,
    )


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for letters that an encoding lacks; see `codecs.register_error`."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    if all("\udc80" <= letter <= "\udcff" for letter in letters):
        return os.fsencode(letters), error.end
    # Keras draws its bar of this one.
    return letters.replace("━", "=").encode("ascii", "backslashreplace"), error.end
