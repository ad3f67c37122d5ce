"""Errors of the HTTP interface, all of one shape: `{"error": {"code", "message"}}`."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

RETRY_AFTER = {"Retry-After": "1"}
CLOSE = {"Connection": "close"}


class ApiError(Exception):
    """A request that is answered with an error.

    Args:
        status: The HTTP status (4xx, or 503 when the server is busy or not ready).
        code: A word for programs ("too_many_texts").
        message: A sentence for people. Nothing of the request's texts is in it.
        headers: Further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})


def body(code: str, message: str) -> dict[str, dict[str, str]]:
    """The JSON object of an error."""
    return {"error": {"code": code, "message": message}}


def answer(error: ApiError) -> JSONResponse:
    """The response of an error."""
    return JSONResponse(body(error.code, error.message), error.status, error.headers)


async def answer_api_error(_: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for `ApiError`."""
    assert isinstance(error, ApiError)
    return answer(error)


async def answer_http_exception(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's handler for what the router itself refuses: unknown paths and wrong methods."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    messages = {
        404: "There is nothing at this path; /docs lists what there is.",
        405: "This path does not take this method; /docs lists what it takes.",
    }
    message = messages.get(error.status_code, str(error.detail))
    return answer(ApiError(error.status_code, code, message, error.headers))
