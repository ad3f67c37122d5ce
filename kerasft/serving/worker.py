"""The model in its own thread: loaded once, called one batch at a time, with a bounded queue.

The event loop never computes, so the health pages answer while a prediction runs. One thread,
because one model uses all of the backend's threads. (Gathering the waiting requests into
one batch would go into `Worker.predict`.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from kerasft.errors import DataError
from kerasft.serving.errors import RETRY_AFTER, ApiError
from kerasft.serving.limits import Limits
from kerasft.text.pairs import Text

if TYPE_CHECKING:
    from kerasft.predict import Predictor


class ModelFailure(Exception):
    """The model's thread raised something that is no `Exception`.

    Such as the PanicException of a library in Rust, or SystemExit: in the event loop they would end
    more than a request. Without their words, which may quote a text.
    """


class Worker:
    """Loads a predictor in the background and answers requests one after the other.

    Args:
        load: Makes the predictor; called once, in the worker's thread.
        on_loaded: Called in the event loop when the model is ready, or with the error that `load`
            or the warm-up raised.

    Attributes:
        error: Why the model could not be loaded.
    """

    def __init__(
        self,
        load: Callable[[], Predictor],
        limits: Limits,
        on_loaded: Callable[[BaseException | None], None] = lambda error: None,
    ) -> None:
        self.error: BaseException | None = None
        self._load, self._limits, self._on_loaded = load, limits, on_loaded
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._turn = asyncio.Lock()
        self._inside = 0
        self._predictor: Predictor | None = None
        self._loading: asyncio.Future[Predictor] | None = None

    @property
    def predictor(self) -> Predictor:
        """The predictor.

        Raises:
            ApiError: 503 as long as it is not loaded.
        """
        if self._predictor is None:
            raise ApiError(503, "not_ready", "The model is still being loaded.", RETRY_AFTER)
        return self._predictor

    def start(self) -> None:
        """Begins to load; returns at once. Called in the event loop."""
        loop = asyncio.get_running_loop()
        self._loading = loop.run_in_executor(self._thread, self._load_and_warm_up)
        self._loading.add_done_callback(self._loaded)

    def stop(self) -> None:
        """Accepts no further work; the running call finishes."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Takes a place among the `max_requests` that may be under way.

        Raises:
            ApiError: 503 when all are taken, or the model is not loaded.
        """
        _ = self.predictor
        if self._inside >= self._limits.max_requests:
            raise ApiError(503, "busy", "Too many requests are waiting; try again.", RETRY_AFTER)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def predict(
        self, texts: list[Text], client_has_gone: Callable[[], Awaitable[bool]]
    ) -> list[Any]:
        """Predicts in the model's thread when it is this request's turn.

        Args:
            client_has_gone: Asked when the turn comes, so that nothing is computed for a lost
                client.

        Raises:
            ApiError: 503 when the turn does not come within `wait_seconds`; 422 when nothing is
                left of a text after the model's own cleaning.
            starlette.requests.ClientDisconnect: Nobody waits for the answer any more.
        """
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                await self._turn.acquire()
        except TimeoutError:
            message = f"The model was not free within {self._limits.wait_seconds:g} seconds."
            raise ApiError(503, "busy", message, RETRY_AFTER) from None
        try:
            if await client_has_gone():
                raise ClientDisconnect
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._ask, self.predictor, texts)
        except DataError as error:
            raise ApiError(422, "invalid_text", f"{error}") from error
        finally:
            self._turn.release()

    def _ask(self, predictor: Predictor, texts: list[Text]) -> list[Any]:
        try:
            return predictor.predict(texts)
        except Exception:
            raise
        except BaseException as error:
            raise ModelFailure(type(error).__name__).with_traceback(error.__traceback__) from None

    def _load_and_warm_up(self) -> Predictor:
        predictor = self._load()
        # So that what they need is compiled before anyone waits for it.
        for text in predictor.warm_up_texts:
            predictor.predict([text])
        return predictor

    def _loaded(self, loading: asyncio.Future[Predictor]) -> None:
        if loading.cancelled():
            return
        self.error = loading.exception()
        if self.error is None:
            self._predictor = loading.result()
        self._on_loaded(self.error)
