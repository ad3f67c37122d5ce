"""Trains a Unigram tokenizer, for a T5 with random weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import tokenizers
from tokenizers import AddedToken, normalizers, trainers

from kerasft.errors import ConfigError, DataError
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.unigram import (
    SPECIAL_TOKENS,
    TOKENS,
    UNKNOWN,
    build_unigram,
    sentinels,
)

# A score's rounding noise, which differs from process to process, is far less.
_DECIMALS = 6
# By so much the trainer sets one character without a score of its own apart from the next.
_APART = 0.0001


def train_unigram(texts: Sequence[str], vocab_size: int, extra_ids: int = 100) -> Tokenizer:
    """Trains a tokenizer of T5's kind, of the pieces that best explain the texts.

    Every text is encoded as `... </s>`. Before that, characters of one meaning become one (NFKC),
    control characters go, and whitespace only separates words; it is part of the pieces, as "▁",
    so decoding gives the text back. The vocabulary holds <pad> (0), </s> (1), <unk> (2), every
    character of the texts, the longer pieces, the most probable first, and at its end the
    sentinels, <extra_id_0> as the last. Pieces are chosen so that the texts, each cut in its most
    probable way, are as probable as can be with so many of them; where fewer are worth a place,
    the vocabulary stays smaller.

    The same texts, in any order, give the same vocabulary.

    Source: Kudo, "Subword Regularization" (2018), section 3.2; Raffel et al., "Exploring the Limits
    of Transfer Learning" (2020), section 2.2.1.

    Args:
        texts: The training texts alone, sources and targets.
        vocab_size: Most tokens, the special ones and sentinels included.
        extra_ids: Number of sentinels.

    Raises:
        ConfigError: The vocabulary has no room for the characters, or a number is too small.
        DataError: There are no texts, or nothing but whitespace in them.

    Example:
        >>> tokenizer = train_unigram(["the debt is paid", "They paid the debts."], 40, extra_ids=2)
        >>> tokenizer.decode(tokenizer.encode(["the debts"], 16).token_ids[0])
        'the debts'
    """
    if extra_ids < 0:
        raise ConfigError(f"extra_ids is {extra_ids}; make it 0 or more")
    if not texts:
        raise DataError("there are no texts to make a vocabulary of")
    normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    # Pieces of no use, only to have the parts around the vocabulary that is to be made.
    backend = build_unigram([(token, 0.0) for token in SPECIAL_TOKENS], normalizer)
    characters = _characters(backend, texts)
    if not characters:
        raise DataError(f"there is nothing but whitespace in the {len(texts)} texts")
    needed = len(SPECIAL_TOKENS) + len(characters) + extra_ids
    if vocab_size < needed:
        raise ConfigError(
            f"the vocabulary size is {vocab_size}, but the {len(SPECIAL_TOKENS)} special "
            f"tokens, the {extra_ids} sentinels and the {len(characters)} characters of the texts "
            f"alone are {needed} tokens; make it larger, or the texts' characters fewer"
        )
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size - extra_ids,
        special_tokens=list(SPECIAL_TOKENS),
        unk_token=UNKNOWN,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer, length=len(texts))
    learned = json.loads(backend.model.__getstate__())["vocab"][len(SPECIAL_TOKENS) :]
    pieces = [
        *((token, 0.0) for token in SPECIAL_TOKENS),
        *_settled(learned),
        *((token, 0.0) for token in reversed(sentinels(extra_ids))),
    ]
    extra = tuple(AddedToken(token, special=True) for token in sentinels(extra_ids))
    return Tokenizer(build_unigram(pieces, normalizer, special=replace(TOKENS, extra=extra)))


def _settled(learned: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Pieces in an order, and with scores, that are the same in every process.

    Equally good pieces come in the order of a hash table, another one in every process; so do the
    characters that no longer piece left a use for, each with a slightly higher score than the last.
    """
    worst = min(score for _, score in learned)
    band = worst + _APART * (len(learned) + 1)
    scored = [
        (piece, round(worst if len(piece) == 1 and score < band else score, _DECIMALS))
        for piece, score in learned
    ]
    return sorted(scored, key=lambda each: (-each[1], each[0]))


def _characters(backend: tokenizers.Tokenizer, texts: Sequence[str]) -> set[str]:
    """The characters that the trainer finds, the mark for spaces among them."""
    found: set[str] = set()
    for text in texts:
        split = backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text))
        for word, _ in split:
            found.update(word)
    return found
