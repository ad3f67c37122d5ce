"""What predictors of every task do alike: the check of their texts, and the facts of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerasft import backends
from kerasft.data import shapes
from kerasft.errors import DataError
from kerasft.folder import Manifest
from kerasft.folder.opened import Opened
from kerasft.runtimes.keras import KERAS


def checked(texts: Sequence[str], purpose: str) -> Sequence[str]:
    """The texts, if there is something in each of them.

    Args:
        texts: The texts.
        purpose: What cannot be done with an empty one: "label", "translate".

    Raises:
        DataError: They are one string, or one is blank; the sentence says which (counted from 0).
    """
    if isinstance(texts, str):
        raise DataError("one string was given; give a list of texts")
    for row, text in enumerate(texts):
        if isinstance(text, str) and not text.strip():
            raise DataError(f"text {row} is empty; there is nothing to {purpose}")
    return texts


def facts(folder: str | Path | Opened, manifest: Manifest) -> dict[str, Any]:
    """What `bundle.json` says in every task, as JSON can hold it."""
    return {
        "name": Path(folder).resolve().name,
        "task": manifest.task,
        "architecture": manifest.architecture,
        "arguments": dict(manifest.arguments),
        "base_model": manifest.base_model,
        "preprocessing": dict(manifest.preprocessing),
        "versions": dict(manifest.versions),
    }


def cut_note(max_length: int, long_texts: str = "cut") -> str:
    """What the field `cut` means, to be said after "3 of 10 "; see `Tokenizer.encode`."""
    if long_texts == "head_tail":
        return f"texts were longer than {max_length} tokens; their middle was not read."
    return f"texts were cut at {max_length} tokens; what came after was not read."


def cut_word_note(max_length: int) -> str:
    """What the field `cut` means where texts are read in parts, to be said after "3 of 10 "."""
    return (
        f"texts have a word too long for the {max_length} tokens that are read at once; its end "
        "was not read."
    )


def one_of_each_length(max_length: int) -> list[str]:
    """A text of each length that engines pad to, so that every shape is compiled once."""
    # Two tokens are those around a text.
    return ["a " * max(1, length - 2) for length in shapes.lengths(max_length)]


def warm_up_texts(max_length: int, engine: str = KERAS) -> list[str]:
    """Texts that make an engine which searches compile what later texts will need.

    A search may take seconds, and where nothing is compiled, little is gained by more than one.
    """
    texts = one_of_each_length(max_length)
    compiles = engine == KERAS and backends.choose().name != "torch"
    return texts if compiles else texts[:1]
