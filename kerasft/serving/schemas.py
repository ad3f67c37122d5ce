"""The shapes of the JSON that goes in and out, as /openapi.json states them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from kerasft.serving.limits import Limits


class Body(BaseModel):
    """Base of every answer."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class TextPrediction(Body):
    """What the model says about one text."""

    label: str = Field(description="The label with the largest probability.")
    probabilities: dict[str, float] = Field(
        description="Every label's probability, in the order of the model's labels; they sum to 1."
    )
    cut: bool = Field(
        description="Whether the text was longer than max_length and the model saw only its start."
    )


class ModelInfo(Body):
    """Which model answered."""

    name: str = Field(description="Name of the saved folder.")
    task: str
    architecture: str
    backend: str = Field(description='The Keras backend: "torch", "tensorflow" or "jax".')


class PredictAnswer(Body):
    """The predictions, one per text and in the order of the texts."""

    predictions: list[TextPrediction]
    model: ModelInfo


class ServerLimits(Body):
    """The bounds of a request."""

    max_body_bytes: int = Field(description="Largest body, in bytes.")
    max_texts: int = Field(description="Most texts in one request.")
    max_characters: int = Field(description="Longest text, in characters.")
    max_requests: int = Field(description="Most prediction requests under way at once.")
    wait_seconds: float = Field(description="Longest wait for the model.")
    read_seconds: float = Field(description="Longest time for a body to arrive.")


class Metadata(ModelInfo):
    """The model and the server around it."""

    labels: list[str] = Field(description="The labels, in the order of the model's outputs.")
    max_length: int = Field(description="Most tokens of a text that the model reads.")
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: ServerLimits


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


def request_body(limits: Limits) -> dict[str, Any]:
    """OpenAPI's description of the body of /predict, with this server's bounds."""
    text = {"type": "string", "minLength": 1, "maxLength": limits.max_characters, "pattern": "\\S"}
    texts = {
        "type": "array",
        "items": text,
        "minItems": 1,
        "maxItems": limits.max_texts,
        "description": "The texts; none of them empty or of spaces only.",
    }
    schema = {
        "title": "PredictRequest",
        "type": "object",
        "properties": {"texts": texts},
        "required": ["texts"],
        "additionalProperties": False,
    }
    example = {"texts": ["I loved every minute of it.", "Never again."]}
    description = f"At most {limits.max_body_bytes} bytes of JSON in UTF-8, not compressed."
    return {
        "required": True,
        "description": description,
        "content": {"application/json": {"schema": schema, "example": example}},
    }
