"""What a tokenizer takes, and makes of texts: their token ids, and what was cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from kerasft.errors import DataError

# Texts per call into the Rust library: enough to use all its threads, few enough to bound memory.
CHUNK = 1024

LongTexts = Literal["cut", "head_tail"]
# Of the tokens that a long text keeps: the best of Sun et al. (2019), at other lengths too.
HEAD_SHARE = (128, 510)


@dataclass(frozen=True)
class Encodings:
    """Token ids of many texts or pairs of texts, and what was cut or unknown.

    Attributes:
        token_ids: One int32 array of shape (tokens,) a text, special tokens included, none longer
            than `max_length`.
        full_lengths: (texts,) int64, tokens of each text before the cut.
        unknown: How many of the kept tokens are the unknown token.
        max_length: Where texts were cut, in tokens.
        long_texts: Which part of them was kept: see `Tokenizer.encode`.
        segment_ids: Of pairs: beside each token id, to which of the two texts the family's marks
            count it; one int32 array of shape (tokens,) a pair.
        cut_sides: Of pairs: (pairs, 2) int64, how many tokens of either text were cut away.
    """

    token_ids: list[np.ndarray]
    full_lengths: np.ndarray
    unknown: int
    max_length: int
    long_texts: LongTexts = "cut"
    segment_ids: list[np.ndarray] | None = None
    cut_sides: np.ndarray | None = None

    @property
    def cut(self) -> int:
        """How many texts were cut."""
        return int((self.full_lengths > self.max_length).sum())

    @property
    def cut_tokens(self) -> int:
        """How many tokens were cut away, over all texts."""
        return int(np.maximum(self.full_lengths - self.max_length, 0).sum())

    @property
    def tokens(self) -> int:
        """How many tokens were kept, over all texts."""
        return int(np.minimum(self.full_lengths, self.max_length).sum())

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        total = int(self.full_lengths.sum())
        lost = f"{self.cut_tokens / max(total, 1):.1%} of all tokens lost"
        what, how = "texts", "cut at" if self.long_texts == "cut" else "cut in the middle to"
        if self.cut_sides is not None:
            what = "pairs"
            if self.cut:
                first, second = (self.cut_sides > 0).sum(axis=0)
                lost = f"the first text of {first}, the second of {second}; {lost}"
        return (
            f"{self.cut} of {len(self.token_ids)} {what} were {how} {self.max_length} tokens "
            f"({lost}); "
            f"{self.unknown / max(self.tokens, 1):.2%} of the tokens kept are unknown words"
        )


def check_text(text: object, row: int, name: str = "text") -> None:
    """Refuses what no tokenizer can read.

    Args:
        text: Meant to be a text.
        row: Its number, for the message.
        name: Of what it is, for the message.

    Raises:
        DataError: It is not a string, or holds a lone surrogate.
    """
    if not isinstance(text, str):
        raise DataError(f"{name} {row} is a {type(text).__name__}, not a string")
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{name} {row} holds a lone surrogate (half a character) at position {error.start}; "
            "decode it as UTF-8 again or remove it"
        ) from None
