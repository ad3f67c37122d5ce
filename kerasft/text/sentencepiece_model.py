"""Reads a SentencePiece model (`spiece.model`, ...) as the parts of a `tokenizer.json`.

The file is a protocol buffer (`sentencepiece_model.proto`), of which three things are read: the
pieces with their log-probabilities, the type of the model, and the table of characters.
"""

import base64
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerasft.errors import PresetError

MAX_BYTES = 2**25
"""The largest file that is read; those of published models have up to 5 MB."""
# Numbers of fields, kinds of pieces and kinds of models, as the .proto has them.
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_TEXT, _SCORE, _KIND = 1, 2, 3
_MODEL_TYPE, _CHARACTERS = 3, 2
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4
_UNIGRAM = 1


def read_sentencepiece(path: Path) -> dict[str, Any]:
    """Reads a Unigram model of SentencePiece.

    Returns:
        The parts of a tokenizer.json that follow from it: `model`, `normalizer`, `added_tokens`.

    Raises:
        PresetError: The file is broken, too large, or not of a Unigram model.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PresetError(f"cannot read {path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise PresetError(f"{path} is larger than {MAX_BYTES} bytes, so it was not read")
    try:
        return _content(memoryview(raw))
    except (ValueError, IndexError, struct.error) as problem:  # bad UTF-8 is a ValueError
        raise PresetError(
            f"{path} is not a SentencePiece model that can be read: {problem}"
        ) from None


def _content(message: memoryview) -> dict[str, Any]:
    vocabulary: list[list[Any]] = []
    added: list[dict[str, Any]] = []
    model_type: int | memoryview = _UNIGRAM
    table, unknown = b"", None
    for field, value in _fields(message):
        if field == _PIECES:
            text, score, kind = _piece(_bytes(value))
            if kind == _UNKNOWN:
                unknown = len(vocabulary)
            if kind in (_CONTROL, _USER_DEFINED):
                flags = {"special": kind == _CONTROL, "normalized": False}
                added.append({"id": len(vocabulary), "content": text, **flags})
            vocabulary.append([text, score])
        elif field == _TRAINER:
            found = [each for number, each in _fields(_bytes(value)) if number == _MODEL_TYPE]
            model_type = found[-1] if found else model_type
        elif field == _NORMALIZER:
            for number, each in _fields(_bytes(value)):
                table = bytes(_bytes(each)) if number == _CHARACTERS else table
    if not vocabulary:
        raise ValueError("it holds no pieces")
    if model_type != _UNIGRAM:
        raise ValueError("its model is not of the type unigram")
    charsmap = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(table).decode()}
    return {
        "model": {"type": "Unigram", "unk_id": unknown, "vocab": vocabulary},
        "normalizer": charsmap if table else None,
        "added_tokens": added,
    }


def _piece(message: memoryview) -> tuple[str, float, int]:
    text, score, kind = "", 0.0, 1
    for field, value in _fields(message):
        if field == _TEXT:
            text = bytes(_bytes(value)).decode("utf-8")
        elif field == _SCORE:
            (score,) = struct.unpack("<f", _bytes(value))
        elif field == _KIND and isinstance(value, int):
            kind = value
    return text, score, kind


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message by number: whole numbers as such, all else as its bytes.

    Raises:
        ValueError: The message ends within a field, or is none.
    """
    place = 0
    while place < len(message):
        key, place = _number(message, place)
        field, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _number(message, place)
            yield field, value
            continue
        if wire not in (1, 2, 5):
            raise ValueError(f"byte {place} begins no field")
        size = 8 if wire == 1 else 4
        if wire == 2:
            size, place = _number(message, place)
        if size > len(message) - place:
            raise ValueError(f"it ends within the field at byte {place}")
        yield field, message[place : place + size]
        place += size


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """A whole number, 7 bits a byte, and the place after it."""
    number = 0
    for shift in range(0, 70, 7):
        if place >= len(message):
            raise ValueError("it ends within a number")
        byte = message[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
    raise ValueError(f"byte {place} is not part of a number")


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number stands where a text or a message must")
    return value
