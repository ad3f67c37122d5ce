"""Pairs of texts: what they are, and their tokens between the marks of a model's family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
import tokenizers

from kerasft.errors import ConfigError, DataError
from kerasft.text.encodings import CHUNK, Encodings, check_text
from kerasft.text.tokenizer_file import library_errors

Text = str | tuple[str, str]
"""What a model is given of a row: a text, or (text, text_pair)."""


def are_pairs(texts: Sequence[Any]) -> TypeGuard[Sequence[tuple[str, str]]]:
    """Whether these are pairs of texts and not texts.

    Raises:
        DataError: Some are and others are not, or there are tuples that are no pairs.
    """
    tuples = [isinstance(text, tuple) for text in texts]
    if not any(tuples):
        return False
    if not all(tuples):
        raise DataError(f"text {tuples.index(False)} has no text_pair, but others have one")
    for row, pair in enumerate(texts):
        if len(pair) != 2:
            raise DataError(f"text {row} is a tuple of {len(pair)}; a pair is (text, text_pair)")
    return True


def check_long_pairs(long_texts: str) -> None:
    """Refuses to cut pairs in another way than the longer text first.

    Raises:
        ConfigError: `long_texts` is not "cut".
    """
    if long_texts != "cut":
        raise ConfigError(
            f"--long_texts {long_texts} is for single texts; of a pair the longer text is cut at "
            "its end, so leave it out"
        )


def encode_pairs(
    backend: tokenizers.Tokenizer,
    pairs: Sequence[tuple[str, str]],
    max_length: int,
    unknown_id: int | None,
) -> Encodings:
    """Tokenizes pairs as their model's family marks them, and cuts the longer text first.

    BERT reads `[CLS] text [SEP] text_pair [SEP]`, the second text and its `[SEP]` as segment 1;
    RoBERTa `<s> text </s></s> text_pair </s>`, in one segment.

    Source: Devlin et al., "BERT" (2019), section 3; `longest_first` of the `tokenizers` library.

    Args:
        backend: The tokenizer, without truncation.
        pairs: (text, text_pair) each.
        max_length: Most tokens of a pair, special tokens included.
        unknown_id: The id of the token for unknown words, if there is one.

    Raises:
        ConfigError: `max_length` leaves no room for a token of each text, or the tokenizer puts
            nothing between the two.
        DataError: A text is not a string, holds a lone surrogate, or cannot be tokenized.
    """
    special = backend.num_special_tokens_to_add(True)
    if special <= backend.num_special_tokens_to_add(False):
        raise ConfigError(
            "the tokenizer puts no mark between the texts of a pair, so the model could not tell "
            "them apart; take another preset"
        )
    if max_length < special + 2:
        raise ConfigError(
            f"max_length is {max_length}, but {special} special tokens go around a pair of texts; "
            f"make it {special + 2} or more"
        )
    for row, (text, pair) in enumerate(pairs):
        check_text(text, row)
        check_text(pair, row, "text_pair")
    token_ids: list[np.ndarray] = []
    segment_ids: list[np.ndarray] = []
    full_lengths = np.empty(len(pairs), dtype=np.int64)
    cut_sides = np.zeros((len(pairs), 2), dtype=np.int64)
    unknown = 0
    for start in range(0, len(pairs), CHUNK):
        with library_errors(DataError, "the tokenizer cannot read a text"):
            chunk = backend.encode_batch_fast(list(pairs[start : start + CHUNK]))
        for row, encoding in enumerate(chunk, start):
            ids = np.array(encoding.ids, dtype=np.int32)
            segments = np.array(encoding.type_ids, dtype=np.int32)
            full_lengths[row] = len(ids)
            if len(ids) > max_length:
                kept, cut_sides[row] = _kept(encoding.sequence_ids, max_length - special)
                ids, segments = ids[kept], segments[kept]
            token_ids.append(ids)
            segment_ids.append(segments)
            if unknown_id is not None:
                unknown += int((ids == unknown_id).sum())
    return Encodings(
        token_ids,
        full_lengths,
        unknown,
        max_length,
        segment_ids=segment_ids,
        cut_sides=cut_sides,
    )


def longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """How many tokens two texts keep: the longer one is cut, then both to about the same.

    Source: `truncate_encodings` of the `tokenizers` library, which transformers calls.

    Args:
        first: Tokens of the first text.
        second: Tokens of the second text.
        room: Tokens that both may have together.

    Example:
        >>> longest_first(5, 20, 16), longest_first(20, 20, 15)
        ((5, 11), (7, 8))
    """
    if first + second <= room:
        return first, second
    shorter, longer = sorted((first, second))
    longer = max(shorter, room - shorter)
    if shorter + longer > room:
        shorter, longer = room // 2, room - room // 2
    return (longer, shorter) if first > second else (shorter, longer)


def _kept(sides: Sequence[int | None], room: int) -> tuple[np.ndarray, np.ndarray]:
    """Which tokens stay.

    Args:
        sides: Of each token: 0 or 1 in a text, None if it is a mark.

    Returns:
        (tokens,) bool, and (2,) how many tokens of either text do not stay.
    """
    places = [np.array([i for i, of in enumerate(sides) if of == side], int) for side in (0, 1)]
    keeps = longest_first(len(places[0]), len(places[1]), room)
    kept = np.ones(len(sides), dtype=bool)
    for place, keep in zip(places, keeps, strict=True):
        kept[place[keep:]] = False
    return kept, np.array([len(p) - keep for p, keep in zip(places, keeps, strict=True)])
