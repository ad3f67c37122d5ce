"""The queue in front of the model, with a real predictor that waits until it is told to go on."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.requests import ClientDisconnect

from kerasft.errors import FolderError
from kerasft.predict import Predictor
from kerasft.serving.app import create_app
from kerasft.serving.errors import ApiError
from kerasft.serving.limits import Limits
from kerasft.serving.worker import Worker
from kerasft.tasks.classification.results import Prediction
from kerasft.tasks.registry import TASKS


class Slow:
    """A predictor that begins each prediction after `go` is set."""

    def __init__(self, predictor: Predictor) -> None:
        self.real, self.go, self.calls = predictor, threading.Event(), 0
        self.go.set()

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)

    def predict(self, texts: list[str]) -> list[Prediction]:
        self.calls += 1
        assert self.go.wait(60)
        return self.real.predict(texts)


async def never() -> bool:
    return False


async def started(load, limits: Limits) -> Worker:
    ready = asyncio.Event()
    worker = Worker(load, limits, lambda error: ready.set())
    worker.start()
    await asyncio.wait_for(ready.wait(), 60)
    return worker


def run(test: Coroutine) -> None:
    asyncio.run(asyncio.wait_for(test, 120))


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(ApiError) as error:
        yield
    assert (error.value.status, error.value.code) == (503, code)
    assert error.value.headers == {"Retry-After": "1"}


def test_nothing_is_predicted_before_the_model_is_there(predictor: Predictor) -> None:
    async def test() -> None:
        slow = Slow(predictor)
        slow.go.clear()  # the warm-up waits
        worker = Worker(lambda: slow, Limits())
        worker.start()
        app = create_app(worker, Limits(), "tiny", TASKS["classification"])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            assert (await client.get("/health/live")).status_code == 200
            for method, path in (
                ("GET", "/health/ready"),
                ("GET", "/metadata"),
                ("POST", "/predict"),
            ):
                json = {"texts": ["a"]} if method == "POST" else None
                response = await client.request(method, path, json=json)
                assert response.status_code == 503
                assert response.headers["retry-after"] == "1"
                assert response.json()["error"]["code"] == "not_ready"
            assert not worker._loading.done()
            slow.go.set()
            while not worker._loading.done():
                await asyncio.sleep(0.01)
            assert (await client.get("/health/ready")).status_code == 200

    run(test())


def test_health_answers_while_a_prediction_runs(predictor: Predictor) -> None:
    async def test() -> None:
        slow = Slow(predictor)
        worker = await started(lambda: slow, Limits())
        app = create_app(worker, Limits(), "tiny", TASKS["classification"])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            slow.go.clear()
            answer = asyncio.create_task(client.post("/predict", json={"texts": ["a"]}))
            await asyncio.sleep(0.05)
            for path in ("/health/live", "/health/ready", "/metadata"):
                response = await asyncio.wait_for(client.get(path), 5)
                assert response.status_code == 200
            assert not answer.done()
            slow.go.set()
            assert (await answer).status_code == 200

    run(test())


def test_the_queue_is_bounded_and_in_order(predictor: Predictor) -> None:
    async def test() -> None:
        limits = Limits(max_requests=3)
        slow = Slow(predictor)
        worker = await started(lambda: slow, limits)
        slow.go.clear()
        done: list[int] = []

        async def ask(number: int) -> None:
            with worker.admit():
                await worker.predict([f"text {number}"], never)
                done.append(number)

        tasks = [asyncio.create_task(ask(number)) for number in range(3)]
        await asyncio.sleep(0.05)
        with refused("busy"), worker.admit():
            pass
        slow.go.set()
        await asyncio.gather(*tasks)
        assert done == [0, 1, 2]
        with worker.admit():  # the places are free again
            pass

    run(test())


def test_a_turn_that_does_not_come_is_refused(predictor: Predictor) -> None:
    async def test() -> None:
        slow = Slow(predictor)
        worker = await started(lambda: slow, Limits(wait_seconds=0.1))
        slow.go.clear()
        first = asyncio.create_task(worker.predict(["a"], never))
        await asyncio.sleep(0.01)
        with refused("busy"):
            await worker.predict(["b"], never)
        slow.go.set()
        await first
        assert await worker.predict(["b"], never)  # the turn was not lost

    run(test())


def test_nothing_is_computed_for_a_client_that_has_gone(predictor: Predictor) -> None:
    async def gone() -> bool:
        return True

    async def test() -> None:
        slow = Slow(predictor)
        worker = await started(lambda: slow, Limits())
        calls = slow.calls
        with pytest.raises(ClientDisconnect):
            await worker.predict(["a"], gone)
        assert slow.calls == calls
        assert await worker.predict(["a"], never)

    run(test())


def test_a_folder_that_cannot_be_loaded_is_an_error(tmp_path: Path) -> None:
    async def test() -> None:
        worker = await started(lambda: Predictor(tmp_path / "missing"), Limits())
        assert isinstance(worker.error, FolderError)
        with refused("not_ready"):
            _ = worker.predictor

    run(test())


def test_a_program_error_is_a_500_without_the_text(predictor: Predictor, caplog) -> None:
    async def test() -> None:
        slow = Slow(predictor)
        worker = await started(lambda: slow, Limits())
        slow.real = None  # type: ignore[assignment]  # whatever may be broken one day
        app = create_app(worker, Limits(), "tiny", TASKS["classification"])
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            response = await client.post("/predict", json={"texts": ["my secret"]})
        assert response.status_code == 500
        assert response.json()["error"]["code"] == "internal_error"
        assert "AttributeError" in caplog.text
        assert "secret" not in caplog.text

    run(test())
