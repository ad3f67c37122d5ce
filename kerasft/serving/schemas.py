"""The shapes of the JSON that goes in and out in every task, as /openapi.json states them."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kerasft.serving.limits import Limits

# What `str.strip` takes away; the `\s` of JavaScript, by whose rules a pattern here is read, is
# another set.
WHITE_SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


class Body(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class ModelInfo(Body):
    """Which model answered."""

    name: str = Field(description="Name of the saved folder.")
    task: str
    architecture: str
    backend: str = Field(
        description='What computes: the Keras backend ("torch", "tensorflow" or "jax"), or the '
        'engine in its place ("onnxruntime", "ctranslate2").'
    )


class ServerLimits(Body):
    """The bounds of a request."""

    max_body_bytes: int = Field(description="Largest body, in bytes.")
    max_texts: int = Field(description="Most texts in one request.")
    max_characters: int = Field(description="Longest text, in characters.")
    max_requests: int = Field(description="Most prediction requests under way at once.")
    max_uploads: int = Field(description="Most bodies that arrive at once.")
    max_upload_bytes: int = Field(description="Most bytes that they hold together.")
    max_connections: int = Field(description="Most connections that are open at once.")
    wait_seconds: float = Field(description="Longest wait for the model.")
    read_seconds: float = Field(description="Longest time for a request to arrive.")


class Health(Body):
    """The server's state."""

    status: str = Field(description='"live" or "ready".')


class ErrorDetail(Body):
    """One error."""

    code: str = Field(description='A word for programs, for example "invalid_json".')
    message: str = Field(description="A sentence for people.")


class ErrorAnswer(Body):
    """The answer to every request that fails, whatever the reason."""

    error: ErrorDetail


def request_body(limits: Limits, example: Sequence[str]) -> dict[str, Any]:
    """OpenAPI's description of the body of /predict, with this server's bounds.

    Args:
        limits: The bounds.
        example: Texts to try it with.
    """
    text = {
        "type": "string",
        "minLength": 1,
        "maxLength": limits.max_characters,
        "pattern": f"[^{WHITE_SPACE}]",
        "description": "Has a character that is not white space, as Python's str.strip counts it.",
    }
    texts = {
        "type": "array",
        "items": text,
        "minItems": 1,
        "maxItems": limits.max_texts,
        "description": "The texts. One of white space alone is answered with 422, as is one of "
        "which the model's own cleaning leaves nothing (a model that cleans markup: `<br>`).",
    }
    schema = {
        "title": "PredictRequest",
        "type": "object",
        "properties": {"texts": texts},
        "required": ["texts"],
        "additionalProperties": False,
    }
    description = f"At most {limits.max_body_bytes} bytes of JSON in UTF-8, not compressed."
    return {
        "required": True,
        "description": description,
        "content": {"application/json": {"schema": schema, "example": {"texts": [*example]}}},
    }
