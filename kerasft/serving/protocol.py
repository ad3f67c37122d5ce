"""Uvicorn's HTTP/1.1 protocol with our error format and limits for slow clients."""

import asyncio
import json
from http import HTTPStatus
from typing import Any, Literal

import h11
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.h11_impl import H11Protocol

from kerasft.serving.connections import Connections
from kerasft.serving.errors import RETRY_AFTER, body

# What the server waits for: the head of a request, its body, that an answer is read, or (between
# two requests) whether there is more to come. Uvicorn bounds the last by itself.
Awaited = Literal["head", "body", "reading", "more"]

# A piece of a body below this many bytes is followed by a rest of this share of the body's time so
# far: a client that drips costs a few looks, and a slow one waits for half as long again at most.
SMALL_PIECE = 8192
REST_SHARE = 0.5

# A body that is read is bounded by its reader, whose answer says more; so this is later.
BODY_EXTRA_SECONDS = 2.0


class Protocol(H11Protocol):
    """One connection. Invalid HTTP is answered with our JSON; a client that delays is dropped.

    Attributes:
        read_seconds: Longest time from a connection, or from the first byte of a request, to the
            end of the request's head; and for a client to read an answer. (Uvicorn by itself waits
            for ever.)
        gate: Counts the connections.
        stopping: Whether the server is about to stop, so that each answer is a connection's last.
    """

    read_seconds = 10.0
    gate = Connections(1_000)
    stopping = False
    _awaited: Awaited | None = None
    _clock: asyncio.TimerHandle | None = None
    _since = 0.0
    _silent = True  # since the connection, or the last answer
    _answered = False
    _sends_no_more = False

    def connection_made(self, transport: Any) -> None:
        """Starts the clock; with too many connections, one is closed."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)  # `pause_writing` tells of each byte that is not taken
        self._await("head")
        self.gate.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._await(None)
        self.gate.lost(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on."""
        self._silent = False
        super().data_received(data)
        if self.stopping:
            self.say_last()
        self._look("head")
        if self._awaited == "body" and len(data) < SMALL_PIECE:
            self._rest()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says None, for False
        """The client sends no more, but may read: its request is answered."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self.conn.their_state is not h11.SEND_BODY:
            self._sends_no_more = True
            if not self.conn.trailing_data[0]:  # else there is a further request in it
                self.say_last()
            return True  # asyncio leaves the connection open
        if answering or (self.conn.their_state is h11.IDLE and not self._silent):
            message = "The connection ended before the request did."
            self._refuse(HTTPStatus.BAD_REQUEST, "invalid_http", message)
        return False

    def pause_writing(self) -> None:
        """The client does not read the answer."""
        super().pause_writing()
        self._await("reading")

    def resume_writing(self) -> None:
        """The client has read all of it."""
        super().resume_writing()
        self._look("more")

    def on_response_complete(self) -> None:
        """Goes on to the next request, if there is to be one."""
        self._silent = self._answered = True
        super().on_response_complete()
        if self._sends_no_more and self.cycle.response_complete:
            self.transport.close()
        self._look("more")

    def shutdown(self) -> None:
        """Stops after the answer that is under way, and says so in it."""
        self.say_last()
        super().shutdown()

    def say_last(self) -> None:
        """Lets the answer that is under way say `Connection: close`."""
        if self.cycle is not None and not self.cycle.response_started:
            headers = self.cycle.scope["headers"]
            if CLOSE_HEADER not in headers:  # as if the client had asked for it
                self.cycle.scope["headers"] = [*headers, CLOSE_HEADER]

    def give_way(self) -> None:
        """Closes the connection in favour of a newer one."""
        if self._awaited in ("head", "body"):
            message = "Too many connections are open; try again."
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "busy", message, RETRY_AFTER)
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Answers invalid HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "invalid_http", "This is not a valid HTTP request.")

    def _look(self, at_rest: Awaited) -> None:
        """Determines what is waited for now; `at_rest`: what, if no request is under way."""
        if self.flow.write_paused:
            self._await("reading")
        elif self.transport.is_closing():
            self._await(None)
        elif self.conn.their_state is h11.SEND_BODY:
            self._await("body")
        else:
            self._await(at_rest if self.conn.their_state is h11.IDLE else None)

    def _await(self, awaited: Awaited | None) -> None:
        if awaited == self._awaited:
            return  # the clock runs on, however the client drips
        self._awaited, self._since = awaited, self.loop.time()
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if awaited in ("head", "body", "reading"):
            extra = BODY_EXTRA_SECONDS if awaited == "body" else 0.0
            self._clock = self.loop.call_later(self.read_seconds + extra, self._late)
        if awaited is None:
            self.gate.served(self)
        else:
            self.gate.waited_for(self, self._answered)

    def _rest(self) -> None:
        """Stops reading from the client for a while."""
        seconds = REST_SHARE * (self.loop.time() - self._since)
        self.transport.pause_reading()
        self.loop.call_later(seconds, self._rested)

    def _rested(self) -> None:
        if not self.flow.read_paused:
            self.transport.resume_reading()

    def _late(self) -> None:
        self._clock = None
        if self._awaited == "reading":
            self.transport.abort()
            return
        message = f"The request did not arrive within {self.read_seconds:g} seconds."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)

    def _refuse(
        self, status: HTTPStatus, code: str, message: str, more: dict[str, str] | None = None
    ) -> None:
        content = json.dumps(body(code, message)).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
            ("connection", "close"),
            *(more or {}).items(),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            response = h11.Response(
                status_code=status, headers=headers, reason=status.phrase.encode()
            )
            for event in (response, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # there is no client left to answer
        self.transport.close()
