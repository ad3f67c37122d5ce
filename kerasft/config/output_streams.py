"""Lets a run continue when its output cannot be read or encoded."""

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
    """Lets a block continue when its output is not read or cannot be encoded.

    A run of hours must not end because the reader of its output has (`| head -1`), the disk of its
    log is full, or an ASCII terminal cannot show a letter. Such letters are escaped; bytes of a
    path that are not letters are printed unchanged.
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
    """Opens standard output and error for a process that was started without them."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # What cannot be encoded must not fail here either.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors="replace"))  # noqa: SIM115


class _Readerless(io.FileIO):
    """A descriptor to write to; failed writes are dropped."""

    ERRORS = "kerasft.escaped"

    def write(self, data: Any) -> int:
        """Writes, or drops; see `io.RawIOBase.write`."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _readerless(stream: Any) -> Any:
    """The stream, made robust; unchanged if it is not the process's own (in a test, say)."""
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
    """Replaces letters that an encoding lacks; see `codecs.register_error`."""
    assert isinstance(error, UnicodeEncodeError)
    letters = error.object[error.start : error.end]
    if all("\udc80" <= letter <= "\udcff" for letter in letters):
        return os.fsencode(letters), error.end
    # Keras draws its bar of this one.
    return letters.replace("━", "=").encode("ascii", "backslashreplace"), error.end
