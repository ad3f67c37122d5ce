"""The routes. `body` reads requests, `worker` asks the model, `errors` shapes what goes wrong."""

import json
import platform
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, fields
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from pydantic import create_model
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from kerasft import __version__
from kerasft.runtimes import registry as runtimes
from kerasft.serving import docs_page, errors
from kerasft.serving.access import Access, HostCheck
from kerasft.serving.body import parse_texts, read_body
from kerasft.serving.limits import Limits
from kerasft.serving.request_log import TEXTS, RequestLog
from kerasft.serving.schemas import (
    Body,
    ErrorAnswer,
    Health,
    Metadata,
    ModelInfo,
    body_of,
    request_body,
)
from kerasft.serving.uploads import Uploads
from kerasft.serving.worker import Worker
from kerasft.tasks.task import Task

REASONS = {
    400: "The body is not JSON in UTF-8, or the header Host names another host.",
    408: "The body took too long to arrive.",
    413: "The body is too large.",
    415: "The body is not application/json, or it is compressed.",
    422: "The JSON is not what it should be: another shape, no texts, an empty or too long text.",
    503: "The model is not loaded yet, or too many requests wait; see Retry-After.",
}


def create_app(
    worker: Worker,
    limits: Limits,
    name: str,
    task: Task[Any],
    access: Access | None = None,
    *,
    pairs: bool = False,
) -> FastAPI:
    """The application; its lifespan begins to load the model and stops the worker.

    Args:
        name: The model's name in the answers (the saved folder's).
        task: The folder's task; known before the model is loaded.
        access: Under which names the server answers, and to the pages of which other servers;
            None: under all, and to none.
        pairs: Whether the model reads pairs of texts.
    """
    prediction = body_of(task.result)
    answer: Any = create_model(
        "PredictAnswer",
        __base__=Body,
        __doc__="The predictions, in the order of the texts.",
        predictions=(list[prediction], ...),  # type: ignore[valid-type]
        model=(ModelInfo, ...),
    )
    metadata_answer: Any = body_of(task.facts, Metadata)
    access = access or Access()
    uploads = Uploads(limits)

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
        openapi_url=None,
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
            "backend": runtimes.package(metadata["engine"]),
        }

    @app.post(
        "/predict",
        summary=task.summary,
        description=task.description,
        response_model=answer,
        responses=_errors(400, 408, 413, 415, 422, 503),
        openapi_extra={"requestBody": request_body(limits, task.example, pairs)},
    )
    async def predict(request: Request) -> Body:
        """Asks the model about the texts of the body."""
        # A place is taken only once the body is there: slow uploads must not starve others.
        raw = await read_body(request, limits, uploads)
        with worker.admit():
            texts = parse_texts(raw, limits, pairs)
            request.scope[TEXTS] = len(texts)
            found = await worker.predict(texts, request.is_disconnected)
        predictions = [prediction.model_validate(each) for each in found]
        return answer(predictions=predictions, model=ModelInfo(**model_info()))

    @app.get("/health/live", summary="Is the server up?", responses=_errors(400))
    async def live() -> Health:
        """Answers as long as the process does, also while the model is being loaded."""
        return Health(status="live")

    @app.get("/health/ready", summary="Is the model loaded?", responses=_errors(400, 503))
    async def ready() -> Health:
        """Answers 200 once the model is loaded and has predicted for the first time."""
        _ = worker.predictor
        return Health(status="ready")

    @app.get(
        "/metadata",
        summary="What is being served?",
        response_model=metadata_answer,
        responses=_errors(400, 503),
    )
    async def metadata() -> Body:
        """The task and its facts, the versions of the packages and the server's limits."""
        predictor = worker.predictor
        own = {each.name: predictor.metadata[each.name] for each in fields(task.facts)}
        engine = predictor.metadata["engine"]
        return metadata_answer(
            **model_info(),
            **own,
            engine=engine,
            max_length=predictor.max_length,
            versions=_versions(engine),
            limits=asdict(limits),
        )

    # Made once: who asks for them often is to take no time from others.
    description = app.openapi()
    for_programs = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
    for_people = docs_page.render(description)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        """The description of this interface for programs."""
        return Response(for_programs, media_type="application/json")

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        """The description of this interface as a page for people."""
        return HTMLResponse(for_people, headers=docs_page.HEADERS)

    app.add_exception_handler(errors.ApiError, errors.answer_api_error)
    app.add_exception_handler(HTTPException, errors.answer_http_exception)
    paths = (*description["paths"], "/docs", "/openapi.json")
    for route in app.routes:
        if isinstance(route, APIRoute) and route.methods and "GET" in route.methods:
            route.methods.add("HEAD")  # now that the description is made, which need not say it
    app.add_middleware(HostCheck, access=access)
    if access.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.cors_origins,
            allow_methods=("GET", "HEAD", "POST"),
            allow_headers=("Content-Type",),
            expose_headers=("Retry-After",),
        )
    app.add_middleware(RequestLog, paths=paths)  # the last added is the outermost
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
