"""Turns an exception into one sentence and an exit code.

Exit codes: 0 done, 2 the input was wrong or the disk is full (one sentence on stderr), 130
interrupted, 143 terminated (129 where the terminal was closed).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kerasft import storage
from kerasft.config.output_streams import open_closed_output
from kerasft.errors import KerasftError, missing_module

# Signals that ask a process to end, and would end it with half-written files left behind.
ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def guard() -> Iterator[None]:
    """Turns what a user can do wrong into one sentence on stderr and exit code 2.

    Other errors are bugs and keep their traceback. If standard error is no terminal, libraries draw
    no progress bars into it.
    """
    open_closed_output()
    if not sys.stderr.isatty():
        os.environ.setdefault("TQDM_DISABLE", "1")  # read when a library imports tqdm
    try:
        with _terminable():
            yield
            sys.stdout.flush()
    except KerasftError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        sentence = missing_module(error)
        if sentence is None:
            raise
        print(f"error: {sentence}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except _Terminated as terminated:
        print("terminated", file=sys.stderr)
        sys.exit(128 + terminated.number)
    except BrokenPipeError:
        _drop_output()  # its reader (`| head`) has gone
        sys.exit(0)
    except OSError as error:
        users = isinstance(error, (PermissionError, NotADirectoryError, IsADirectoryError))
        if not users and error.errno not in storage.FULL:
            raise
        if error.filename is None:
            _drop_output()  # its buffer would fail once more at the end of the process
        place = f": '{error.filename}'" if error.filename else ""
        print(f"error: {error.strerror}{place}.", file=sys.stderr)
        sys.exit(2)


class _Terminated(BaseException):
    """A signal asked the process to end; as an exception, it lets writers clean up.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def _terminable() -> Iterator[None]:
    """Raises `_Terminated` at the first signal; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are not its business
        return

    def end(number: int, frame: object) -> None:
        for each in ours:
            signal.signal(each, signal.SIG_DFL)
        raise _Terminated(number)

    # One that is ignored (`nohup`) or handled stays so.
    ours = [each for each in ENDING if signal.getsignal(each) is signal.SIG_DFL]
    for each in ours:
        signal.signal(each, end)
    try:
        yield
    finally:
        for each in ours:
            if signal.getsignal(each) is end:
                signal.signal(each, signal.SIG_DFL)


def _drop_output() -> None:
    """Discards what is still to be printed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
