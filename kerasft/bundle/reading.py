"""What the loaders of all tasks share: checks of a manifest's words and of a tokenizer's file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import BundleError, KerasftError

if TYPE_CHECKING:
    from kerasft.text.tokenizer import Tokenizer


def check_known(file: Path, what: str, value: str, known: Iterable[str]) -> None:
    """Refuses a word of a manifest that is not one of those that we know.

    Args:
        file: The manifest, for the sentence.
        what: Its key.
        value: The word.
        known: What it may be.

    Raises:
        BundleError: It is another.
    """
    known = list(known)
    if value not in known:
        raise BundleError(
            f"{file}: the {what} {value[:60]!r} is unknown; this kerasft knows {', '.join(known)}."
        )


def read_tokenizer(file: Path, max_length: int, vocabulary_size: int) -> Tokenizer:
    """Reads a tokenizer of anybody's making.

    Args:
        file: A `tokenizer.json`.
        max_length: Tokens that texts will be cut at.
        vocabulary_size: Rows of the model's embedding table.

    Raises:
        BundleError: It is no tokenizer, or gives ids that the table does not have.
    """
    from kerasft.text.tokenizer import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(file)
        tokenizer.encode(["a"], max_length)
    except KerasftError as error:
        raise BundleError(f"{file} is no tokenizer that can be used: {problem(error)}.") from error
    size = tokenizer.vocabulary_size
    if size > vocabulary_size:
        raise BundleError(f"{file} has {size} tokens, but the model only {vocabulary_size}.")
    return tokenizer


def problem(error: BaseException) -> str:
    """An error's message inside a sentence; it may quote a value of the file at length."""
    text = str(error).partition("\n")[0].rstrip(".")
    return text if len(text) <= 300 else text[:297] + "..."
