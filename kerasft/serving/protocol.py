"""Uvicorn's HTTP/1.1 protocol with our shape of errors and a bound on slow requests."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from kerasft.serving.errors import body


class Protocol(H11Protocol):
    """One connection. What is not HTTP is answered with our JSON; what says nothing is closed.

    Attributes:
        head_seconds: Longest time from a connection, or from the first byte of a request, to the
            end of the request's head. (Uvicorn by itself waits for ever.)
    """

    head_seconds = 10.0
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the clock."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def data_received(self, data: bytes) -> None:
        """Reads on; the clock runs exactly while a head is incomplete."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_clock()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, "invalid_http", "This is not a valid HTTP request.")

    def _head_is_late(self) -> None:
        self._head_timer = None
        message = f"The request did not arrive within {self.head_seconds:g} seconds."
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", message)

    def _refuse(self, status: HTTPStatus, code: str, message: str) -> None:
        content = json.dumps(body(code, message)).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(content))),
            ("connection", "close"),
        ]
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self.transport.is_closing():
            response = h11.Response(
                status_code=status, headers=headers, reason=status.phrase.encode()
            )
            for event in (response, h11.Data(data=content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
