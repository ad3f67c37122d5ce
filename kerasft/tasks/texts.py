"""What predictors of several tasks say of texts, and the texts that they are warmed up with."""

from __future__ import annotations

from kerasft import backends
from kerasft.data import shapes
from kerasft.folder.opened import KERAS


def cut_note(max_length: int, long_texts: str = "cut", pairs: bool = False) -> str:
    """What the field `cut` means, to be said after "3 of 10 "; see `Tokenizer.encode`."""
    if pairs:
        return f"pairs were cut at {max_length} tokens, the longer text first."
    if long_texts == "head_tail":
        return f"texts were longer than {max_length} tokens; their middle was not read."
    return f"texts were cut at {max_length} tokens; what came after was not read."


def cut_word_note(max_length: int) -> str:
    """What the field `cut` means where texts are read in windows, to be said after "3 of 10 "."""
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
    compiles = engine == KERAS and backends.current().COMPILES
    return texts if compiles else texts[:1]
