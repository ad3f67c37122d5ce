"""What the loaders of all tasks share: checks of a manifest's words and of a tokenizer's file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kerasft.errors import FolderError, KerasftError
from kerasft.folder import contents
from kerasft.folder.contents import Manifest, Reader

if TYPE_CHECKING:
    from kerasft.text.tokenizer import Tokenizer


MAX_VOCABULARY = 4_000_000


def check_known(file: Path, what: str, value: str, known: Iterable[str]) -> None:
    """Refuses a word of a manifest that is not one of those that we know.

    Args:
        file: The manifest, for the sentence.
        what: Its key.
        value: The word.
        known: What it may be.

    Raises:
        FolderError: It is another.
    """
    known = list(known)
    if value not in known:
        raise FolderError(
            f"{file}: the {what} {value[:60]!r} is unknown; this kerasft knows {', '.join(known)}."
        )


def read_saved_tokenizer(raw: bytes, file: Path, max_length: int, vocab_size: int) -> Tokenizer:
    """Reads an untrusted tokenizer.

    Args:
        raw: What a `tokenizer.json` holds.
        file: Its path, for error messages.
        max_length: Tokens that texts will be cut at.
        vocab_size: Rows of the model's embedding table.

    Raises:
        FolderError: It is no tokenizer, or gives ids that the table does not have.
    """
    from kerasft.text.tokenizer import Tokenizer

    try:
        tokenizer = Tokenizer.from_bytes(raw, file, vocab_size)
        tokenizer.encode(["a"], max_length)
    except KerasftError as error:
        reason = problem(error)
        if not reason.startswith(str(file)):
            reason = f"{file} is no tokenizer that can be used: {reason}"
        raise FolderError(f"{reason}.") from error
    size = tokenizer.vocab_size
    if size > vocab_size:
        raise FolderError(f"{file} has {size} tokens, but the model only {vocab_size}.")
    return tokenizer


def whole_argument(folder: Path, manifest: Manifest, name: str, low: int, high: int) -> int:
    """A whole number among the model's arguments.

    Raises:
        FolderError: It is missing or out of range.
    """
    file = folder / contents.MANIFEST
    if name not in manifest.arguments:
        raise FolderError(f"{file}: arguments has no {name!r}.")
    return Reader(manifest.arguments, file).whole(name, low, high)


def problem(error: BaseException) -> str:
    """An error's message inside a sentence; it may quote a value of the file at length."""
    text = str(error).partition("\n")[0].rstrip(".")
    return text if len(text) <= 300 else text[:297] + "..."
