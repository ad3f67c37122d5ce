"""The open connections: bounded, so that descriptors last and health checks get through."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from typing import Protocol

from kerasft.errors import ConfigError
from kerasft.serving.limits import Limits

# What the process opens beside its connections: libraries and weights while the model is loaded,
# the event loop, the log. Measured with the three backends: at most 32 at a time.
OWN_DESCRIPTORS = 56
LOG_SECONDS = 60.0

log = logging.getLogger("kerasft.serving")


class Connection(Protocol):
    """One of them."""

    def give_way(self) -> None:
        """Closes it in favour of a newer one."""


class Connections:
    """All connections of the server, in the order in which they began to make it wait.

    Waited for is a client that says nothing, or drips its request, or does not read its answer; it
    is not one whose request the server is at. A connection too many closes the one that has been
    waited for longest: a client that means it is done in milliseconds. Strangers, who have not been
    answered yet, go before clients that keep a connection for their next request, but a quarter of
    the places is theirs.

    Args:
        bound: Most that may be open.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._open: set[Connection] = set()
        # Those waited for, the longest first.
        self._strangers: dict[Connection, None] = {}
        self._known: dict[Connection, None] = {}
        self._closed = 0
        self._said = -LOG_SECONDS

    def opened(self, connection: Connection) -> None:
        """A new one, which is waited for; may close another, or if all others are served, it."""
        self._open.add(connection)
        self.waited_for(connection, known=False)
        if len(self._open) > self._bound:
            many = len(self._strangers) > self._bound // 4 or not self._known
            longest = next(iter(self._strangers if many else self._known))
            self.lost(longest)
            longest.give_way()
            self.crowded()

    def lost(self, connection: Connection) -> None:
        """It is closed."""
        self._open.discard(connection)
        self.served(connection)

    def served(self, connection: Connection) -> None:
        """The server does not wait for this client."""
        self._strangers.pop(connection, None)
        self._known.pop(connection, None)

    def waited_for(self, connection: Connection, known: bool) -> None:
        """From now on the server waits for this client.

        Args:
            known: Whether it has been answered before.
        """
        self.served(connection)
        if connection in self._open:
            (self._known if known else self._strangers)[connection] = None

    def crowded(self) -> None:
        """Counts a connection that was closed for want of room, and says so once a minute."""
        self._closed += 1
        if time.monotonic() - self._said >= LOG_SECONDS:
            message = "%d connections are open, the most there may be: closed %d that waited"
            log.warning(message, len(self._open), self._closed)
            self._said, self._closed = time.monotonic(), 0


def fit_descriptors(limits: Limits) -> Limits:
    """The bounds with no more connections than the process may open descriptors for.

    Raises:
        ConfigError: There is no room for `max_requests`.
    """
    allowed = _most_descriptors()
    found = replace(
        limits, max_connections=min(limits.max_connections, allowed - OWN_DESCRIPTORS)
    ) if allowed > OWN_DESCRIPTORS else None  # fmt: skip
    if found is None or found.max_requests >= found.max_connections:
        needed = OWN_DESCRIPTORS + limits.max_requests + 1
        if allowed < needed:
            raise ConfigError(
                f"{allowed} open files are too few for --max_requests {limits.max_requests}; "
                f"raise the limit with `ulimit -n {needed}` or more."
            )
        raise ConfigError(
            f"--max_connections {limits.max_connections} must be above --max_requests "
            f"{limits.max_requests}."
        )
    return found


def _most_descriptors() -> int:
    if os.name != "posix":
        return 1 << 20
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft
