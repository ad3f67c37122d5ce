"""The listening socket, which keeps working when the process has no descriptor left."""

import errno
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from kerasft.errors import ConfigError


class Listener(socket.socket):
    """A socket whose `accept` suits an event loop under pressure.

    asyncio accepts all that wait at one go, before any of them can be counted; and where `accept`
    fails for want of a descriptor, it logs a traceback for each of thousands of tries. So one
    connection is handed out at a time, and without a descriptor it is taken on a spare one and
    closed at once (left in the queue, it would wake the loop for ever).

    Attributes:
        crowded: Called when a connection was closed that way.
    """

    crowded: Callable[[], None] = staticmethod(lambda: None)
    _just_accepted = False
    _spare: int | None = None

    def keep_spare(self) -> None:
        """Takes a descriptor to have when there are no others."""
        if self._spare is None:
            try:
                self._spare = os.open(os.devnull, os.O_RDONLY)
            except OSError:
                return  # next time

    def accept(self) -> tuple[socket.socket, Any]:
        """Accepts one connection; every other call says that there is none.

        Raises:
            BlockingIOError: There is none, or the loop is to do something else first.
        """
        if self._just_accepted:
            self._just_accepted = False
            raise BlockingIOError
        self.keep_spare()
        try:
            found = super().accept()
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._turn_away()
            raise BlockingIOError from error
        self._just_accepted = True
        return found

    def close(self) -> None:
        """Closes the socket and the spare descriptor."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        super().close()

    def _turn_away(self) -> None:
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
            # There may be no client: without a descriptor the system does not even look.
            with suppress(OSError):
                super().accept()[0].close()
                self.crowded()
        self.keep_spare()


def listen(host: str, port: int) -> Listener:
    """A socket that listens on an address.

    Raises:
        ConfigError: The port is out of range or taken, or the host is none of this machine's.
    """
    if not 0 <= port <= 65535:
        raise ConfigError(f"--port must be from 0 to 65535, not {port}.")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = Listener(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"--host {host!r} is no address of this machine.") from error
    try:
        if os.name == "posix":
            # A server that was just stopped leaves its port in TIME_WAIT; that must not block us.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno) if error.errno else str(error)
        advice = "choose another --port" if port else "choose another --host"
        raise ConfigError(f"Cannot listen on {host} port {port}: {reason}; {advice}.") from error
    return listener
