"""The JSON of requests and answers, as /openapi.json states it.

The answers of a task are derived from the dataclass of its result.
"""

from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

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


def body_of(kind: type, base: type[Body] = Body) -> type[Body]:
    """The shape of a dataclass in JSON, described as the metadata of its fields say.

    Args:
        kind: A dataclass, whose fields have a "description" in their metadata.
        base: What its fields are added to.

    Example:
        >>> body_of(Prediction).model_json_schema()["properties"]["label"]["description"]
        'The label with the largest probability.'
    """
    hints = get_type_hints(kind)
    own: Any = {
        each.name: (_in_json(hints[each.name]), Field(description=each.metadata["description"]))
        for each in fields(kind)
    }
    return create_model(kind.__name__, __base__=base, __doc__=kind.__doc__, **own)


def _in_json(kind: Any) -> Any:
    """A field's type as JSON has it."""
    if is_dataclass(kind):
        return body_of(kind)  # type: ignore[arg-type]
    if get_origin(kind) is tuple:
        return list[_in_json(get_args(kind)[0])]  # type: ignore[misc]
    return kind


class Metadata(ModelInfo):
    """The model and the server around it."""

    engine: str = Field(description='What computes: "keras", "onnx", "ctranslate2", ...')
    max_length: int = Field(
        description="Most tokens of a text that the model reads, or, if longer texts are read in "
        "windows, of a window."
    )
    versions: dict[str, str] = Field(description="Versions of the packages that run the model.")
    limits: body_of(Limits)  # type: ignore[valid-type]


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


def request_body(limits: Limits, example: Sequence[str], pairs: bool = False) -> dict[str, Any]:
    """OpenAPI's description of the body of /predict, with this server's bounds.

    Args:
        example: Texts to try it with.
        pairs: Whether the model reads pairs of texts.
    """
    text = {
        "type": "string",
        "minLength": 1,
        "maxLength": limits.max_characters,
        "pattern": f"[^{WHITE_SPACE}]",
        "description": "Has a character that is not whitespace, as Python's str.strip counts it.",
    }
    texts = {
        "type": "array",
        "items": text,
        "minItems": 1,
        "maxItems": limits.max_texts,
        "description": "The texts. One of whitespace alone is answered with 422, as is one of "
        "which the model's own cleaning leaves nothing (a model that cleans markup: `<br>`).",
    }
    names = ["text", "text_pair"] if pairs else ["text"]
    item = {
        "type": "object",
        "properties": dict.fromkeys(names, text),
        "required": names,
        "additionalProperties": False,
    }
    inputs = {
        **texts,
        "items": item,
        "description": "The pairs of texts." if pairs else "The texts, in place of `texts`.",
    }
    schema: dict[str, Any] = {
        "title": "PredictRequest",
        "type": "object",
        "properties": {"inputs": inputs} if pairs else {"texts": texts, "inputs": inputs},
        "additionalProperties": False,
    }
    shown: dict[str, Any] = {"texts": [*example]}
    if pairs:
        schema["required"] = ["inputs"]
        shown = {"inputs": [{"text": example[0], "text_pair": example[-1]}]}
    else:
        schema["oneOf"] = [{"required": ["texts"]}, {"required": ["inputs"]}]
    description = f"At most {limits.max_body_bytes} bytes of JSON in UTF-8, not compressed."
    return {
        "required": True,
        "description": description,
        "content": {"application/json": {"schema": schema, "example": shown}},
    }
