"""From the bytes of a request to a list of texts, refusing whatever is not one.

The size is checked while the bytes arrive, so neither a missing nor a lying Content-Length makes
the server hold more than `max_body_bytes`.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from fastapi import Request

from kerasft.serving.errors import CLOSE, RETRY_AFTER, ApiError
from kerasft.serving.limits import Limits
from kerasft.serving.uploads import Uploads
from kerasft.text.pairs import Text

# A client that is told "too large" while it still sends may see a reset connection instead of the
# answer. So up to this many times the limit is read and thrown away before answering.
DISCARDED_LIMITS = 16


async def read_body(request: Request, limits: Limits, uploads: Uploads) -> bytes:
    """Reads a whole body within the limits of size and time.

    Args:
        request: The request, its body not yet read.
        uploads: All bodies that are arriving.

    Raises:
        ApiError: 415, a body that is not plain JSON; 413, too large; 408, too slow; 503, too many
            others arrive.
        starlette.requests.ClientDisconnect: The client has gone.
    """
    refusal = refuse_headers(request.headers, limits)
    too_large = _too_large(limits)
    if refusal and (
        "expect" in request.headers  # the client waits for a word before it sends anything
        or _declared(request.headers) > DISCARDED_LIMITS * limits.max_body_bytes
    ):
        refusal.headers.update(CLOSE)
        raise refusal
    raw = bytearray()
    size = 0
    late = False
    with uploads.begin() as upload:
        try:
            async with asyncio.timeout(limits.read_seconds) as upload.clock:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > limits.max_body_bytes:
                        refusal = refusal or too_large
                    if refusal is None:
                        raw += chunk
                        upload.add(len(chunk))
                        continue
                    raw.clear()
                    upload.drop()
                    if size > DISCARDED_LIMITS * limits.max_body_bytes:
                        refusal.headers.update(CLOSE)
                        break
        except TimeoutError:
            refusal = refusal or _too_late(limits, upload.refused)
            refusal.headers.update(CLOSE)
            late = True
    if late:
        await uploads.leave()
    if refusal:
        raise refusal
    return bytes(raw)


def refuse_headers(headers: Mapping[str, str], limits: Limits) -> ApiError | None:
    """What is wrong with a request by its headers alone, or None."""
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != "application/json":
        return ApiError(
            415, "unsupported_media_type", "Send the header Content-Type: application/json."
        )
    for parameter in parameters.split(";"):
        name, _, value = parameter.strip().lower().partition("=")
        if name == "charset" and value.strip('"') not in ("utf-8", "utf8"):
            return ApiError(415, "unsupported_charset", "JSON is read as UTF-8 only.")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        return ApiError(
            415, "unsupported_encoding", "Compressed bodies are not read; send plain JSON."
        )
    if _declared(headers) > limits.max_body_bytes:
        return _too_large(limits)
    return None


def parse_texts(raw: bytes, limits: Limits, pairs: bool = False) -> list[Text]:
    """The texts of `{"texts": ["...", ...]}`, or of `{"inputs": [{"text": "..."}, ...]}`.

    Args:
        raw: The bytes of the body.
        limits: The server's.
        pairs: Whether the model reads pairs: these come as inputs, each with a "text_pair" too.

    Raises:
        ApiError: 400 for what is not JSON in UTF-8; 422 for JSON of another shape, no text, too
            many texts, an empty or too long text, or characters that are none (lone surrogates).
    """
    content = _parse_json(raw)
    shape = '{"inputs": [{"text": ..., "text_pair": ...}]}' if pairs else '{"texts": [...]}'
    if not isinstance(content, dict):
        raise _invalid(f"The body must be an object {shape}, not {_kind(content)}.")
    _refuse_unknown(content, ("texts", "inputs"), "The body")
    if pairs and "texts" in content:
        raise _invalid(f"The model reads pairs of texts; send {shape}.")
    if len(content) != 1:
        what = "both 'texts' and 'inputs'; send one of them" if content else f"no field {shape}"
        raise _invalid(f"The body has {what}.")
    ((name, items),) = content.items()
    if not isinstance(items, list):
        kind = "strings" if name == "texts" else "objects"
        raise _invalid(f"{name!r} must be a list of {kind}, not {_kind(items)}.")
    if not items:
        raise _invalid(f"{name!r} is empty; send at least one text.")
    if len(items) > limits.max_texts:
        message = f"{name!r} has {len(items)} texts; send at most {limits.max_texts} in a request."
        raise ApiError(422, "too_many_texts", message)
    if name == "inputs":
        return [_input(each, f"inputs[{i}]", limits, pairs) for i, each in enumerate(items)]
    for index, text in enumerate(items):
        _check_text(text, f"texts[{index}]", limits)
    return items


def _input(item: Any, where: str, limits: Limits, pairs: bool) -> Text:
    """The text, or pair of texts, of one object."""
    if not isinstance(item, dict):
        raise _invalid(f"{where} must be an object, not {_kind(item)}.")
    if not pairs and "text_pair" in item:
        raise _invalid(f"{where} has a 'text_pair', but the model reads single texts.")
    names = ("text", "text_pair") if pairs else ("text",)
    _refuse_unknown(item, names, where)
    for name in names:
        if name not in item:
            raise _invalid(f"{where} has no {name!r}.")
        _check_text(item[name], f"{where}.{name}", limits)
    return (item["text"], item["text_pair"]) if pairs else item["text"]


def _refuse_unknown(found: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    unknown = [name for name in found if name not in known]
    if unknown:
        # As ASCII, because a name may hold what UTF-8 cannot carry.
        names = " and ".join(map(repr, known))
        read = f"{names} are" if len(known) > 1 else f"{names} is"
        raise _invalid(f"{where} has an unknown field {unknown[0][:40]!a}; only {read} read.")


def _check_text(text: Any, where: str, limits: Limits) -> None:
    if not isinstance(text, str):
        raise _invalid(f"{where} must be a string, not {_kind(text)}.")
    if not text.strip():
        raise ApiError(422, "empty_text", f"{where} is empty.")
    if len(text) > limits.max_characters:
        message = f"{where} has {len(text)} characters; a text may have {limits.max_characters}."
        raise ApiError(422, "text_too_long", message)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"{where} has a lone surrogate at character {error.start}, which is no character."
        raise ApiError(422, "invalid_text", message) from None


def _parse_json(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        message = f"The body is not UTF-8: bad byte at position {error.start}."
    except json.JSONDecodeError as error:
        message = f"The body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})."
    except RecursionError:
        message = "The body is not JSON that can be read: it is nested too deeply."
    except ValueError as error:  # a number of thousands of digits; NaN and infinity
        message = f"The body is not JSON that can be read: {str(error).partition(';')[0]}."
    raise ApiError(400, "invalid_json", message)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _invalid(message: str) -> ApiError:
    return ApiError(422, "invalid_request", message)


def _too_large(limits: Limits) -> ApiError:
    message = f"The body is larger than {limits.max_body_bytes} bytes."
    return ApiError(413, "body_too_large", message)


def _too_late(limits: Limits, gave_way: bool) -> ApiError:
    if gave_way:
        message = "Too many bodies are arriving, and others arrive faster; try again."
        return ApiError(503, "busy", message, RETRY_AFTER)
    message = f"The body did not arrive within {limits.read_seconds:g} seconds."
    return ApiError(408, "request_timeout", message)


def _declared(headers: Mapping[str, str]) -> int:
    """The Content-Length, or 0 where there is none (the HTTP parser refuses what is no number)."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


def _kind(value: Any) -> str:
    """JSON's name of a value's type."""
    kinds = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")
