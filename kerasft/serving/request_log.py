"""One line in the log per request, and an answer in our own format if the program fails.

A line holds the route, the status, the time and the number of texts; never a text, a query or a
path that we do not know, since these may hold anything.
"""

import asyncio
import logging
import time
import traceback

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kerasft.serving.errors import CLOSE, RETRY_AFTER, ApiError, answer
from kerasft.serving.worker import ModelFailure

TEXTS = "kerasft.texts"  # key of the number of texts in the ASGI scope
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")

log = logging.getLogger("kerasft.serving")


class RequestLog:
    """ASGI middleware around the whole application.

    Args:
        app: The application.
        paths: The paths whose names are written to the log.
    """

    def __init__(self, app: ASGIApp, paths: tuple[str, ...]) -> None:
        self.app, self.paths = app, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on and logs its end."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status: int | None = None
        start = time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        except ClientDisconnect:
            pass  # the client has gone
        except asyncio.CancelledError:  # the server stops, and this has taken too long
            if status is None:
                message = "The server is stopping; try again."
                busy = ApiError(503, "stopping", message, {**RETRY_AFTER, **CLOSE})
                await answer(busy)(scope, receive, note_status)
        except Exception as error:
            # Without the exception's own words: they may quote a text.
            name = str(error) if isinstance(error, ModelFailure) else type(error).__name__
            frames = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s while answering\n%s", name, frames)
            if status is None:
                failure = ApiError(500, "internal_error", "The server failed; its log has more.")
                await answer(failure)(scope, receive, note_status)
        self._write(scope, status, 1000 * (time.perf_counter() - start))

    def _write(self, scope: Scope, status: int | None, milliseconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "(other)"
        path = scope["path"] if scope["path"] in self.paths else "(unknown path)"
        texts = f", texts: {scope[TEXTS]}" if TEXTS in scope else ""
        # Probes ask every few seconds; they would drown the rest.
        level = logging.DEBUG if path.startswith("/health") and status == 200 else logging.INFO
        outcome = status or "client gone"
        log.log(level, "%s %s %s, %.0f ms%s", method, path, outcome, milliseconds, texts)
