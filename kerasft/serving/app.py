"""The routes. `body` reads requests, `worker` asks the model, `errors` shapes what goes wrong."""

import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from kerasft import __version__
from kerasft.engines import runtimes
from kerasft.engines.keras_engine import KERAS
from kerasft.serving import docs_page, errors
from kerasft.serving.body import parse_texts, read_body
from kerasft.serving.limits import Limits
from kerasft.serving.request_log import TEXTS, RequestLog
from kerasft.serving.schemas import (
    Body,
    ErrorAnswer,
    Health,
    ModelInfo,
    ServerLimits,
    request_body,
)
from kerasft.serving.tasks import TASKS
from kerasft.serving.worker import Worker

REASONS = {
    400: "The body is not JSON in UTF-8.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "The body is not application/json, or it is compressed.",
    422: "The JSON is not what it should be: another shape, no texts, an empty or too long text.",
    503: "The model is not loaded yet, or too many requests wait; see Retry-After.",
}


def create_app(
    worker: Worker, limits: Limits, name: str, task_name: str = "classification"
) -> FastAPI:
    """The application; its lifespan begins to load the model and stops the worker.

    Args:
        worker: Holds the model.
        limits: The server's bounds.
        name: The model's name in the answers (the saved folder's).
        task_name: The manifest's `kind`, a key of `TASKS`; known before the model is loaded.
    """
    task = TASKS[task_name]

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        worker.start()
        yield
        worker.stop()

    app = FastAPI(
        title="kerasft",
        version=__version__,
        description=f"Predictions of the model {name}.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )

    def model_info() -> dict[str, str]:
        metadata = worker.predictor.metadata
        return {
            "name": name,
            "task": metadata["task"],
            "architecture": metadata["architecture"],
            "backend": runtimes.runtime(metadata.get("engine", KERAS)),
        }

    @app.post(
        "/predict",
        summary=task.summary,
        description=task.description,
        response_model=task.answer,
        responses=_errors(400, 408, 413, 415, 422, 503),
        openapi_extra={"requestBody": request_body(limits, task.example)},
    )
    async def predict(request: Request) -> Body:
        """Asks the model about the texts of the body."""
        try:
            place = worker.admit()
        except errors.ApiError as busy:
            await read_body(request, limits, refusal=busy)
            raise
        with place:
            texts = parse_texts(await read_body(request, limits), limits)
            request.scope[TEXTS] = len(texts)
            found = await worker.predict(texts, request.is_disconnected)
        predictions = [task.prediction.model_validate(prediction) for prediction in found]
        return task.answer(predictions=predictions, model=ModelInfo(**model_info()))

    @app.get("/health/live", summary="Is the server up?")
    async def live() -> Health:
        """Answers as long as the process does, also while the model is being loaded."""
        return Health(status="live")

    @app.get("/health/ready", summary="Is the model loaded?", responses=_errors(503))
    async def ready() -> Health:
        """Answers 200 once the model is loaded and has predicted for the first time."""
        _ = worker.predictor
        return Health(status="ready")

    @app.get(
        "/metadata",
        summary="What is being served?",
        response_model=task.metadata,
        responses=_errors(503),
    )
    async def metadata() -> Body:
        """The task and its facts, the versions of the packages and the server's limits."""
        predictor = worker.predictor
        return task.metadata(
            **model_info(),
            **task.own_facts(predictor),
            max_length=predictor.max_length,
            versions=_versions(predictor.metadata.get("engine", KERAS)),
            limits=ServerLimits(**asdict(limits)),
        )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The description of this interface as a page for people."""
        return HTMLResponse(docs_page.render(app.openapi()), headers=docs_page.HEADERS)

    app.add_exception_handler(errors.ApiError, errors.answer_api_error)
    app.add_exception_handler(HTTPException, errors.answer_http_exception)
    paths = (*app.openapi()["paths"], "/docs", "/openapi.json")
    app.add_middleware(RequestLog, paths=paths)
    return app


def _versions(engine: str) -> dict[str, str]:
    return {
        "kerasft": __version__,
        "python": platform.python_version(),
        **runtimes.versions(engine),
    }


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for the errors of a route."""
    return {status: {"model": ErrorAnswer, "description": REASONS[status]} for status in statuses}
