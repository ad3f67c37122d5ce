"""Trains a WordPiece tokenizer, for a BERT with random weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import tokenizers
from tokenizers import trainers

from kerasft.errors import ConfigError, DataError
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.wordpiece import build_wordpiece

# In id order: [PAD] is 0, as in BERT's own vocabularies.
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PREFIX = "##"


def train_wordpiece(
    texts: Sequence[str],
    *,
    vocab_size: int,
    min_frequency: int,
    lowercase: bool = True,
) -> Tokenizer:
    """Trains a tokenizer of BERT's kind.

    Words are split off as BERT does it (whitespace, punctuation, each CJK ideograph). The
    vocabulary begins with the five special tokens and every character that occurs
    `min_frequency` times, as the start of a word ("c") and, where it occurs so, inside of one
    ("##c"). Then the two neighboring pieces that occur together most often become one piece, again
    and again, until the vocabulary is full or no pair occurs `min_frequency` times. A word that
    cannot be put together of pieces, because of a rare character, is [UNK].

    The same texts, in any order, give the same vocabulary in every process.

    Source: Schuster and Nakajima, "Japanese and Korean Voice Search" (2012), section 4, for the
    pieces; they are chosen by frequency, as by Sennrich et al., "Neural Machine Translation of Rare
    Words with Subword Units" (2016), section 3.2, which is how the `tokenizers` library does it.
    Devlin et al., "BERT" (2019), section 3, for the special tokens.

    Args:
        texts: The training texts alone: what occurs nowhere in them must be unknown.
        vocab_size: Most pieces, the special tokens included.
        min_frequency: How often a character or a pair of pieces must occur to be known.
        lowercase: Whether texts are lower-cased and their accents stripped ("uncased").

    Raises:
        ConfigError: The vocabulary has no room for the characters, or a number is too small.
        DataError: There are no texts, or no character in them occurs often enough.

    Example:
        >>> tokenizer = train_wordpiece(["the debt is paid", "They paid debts."],
        ...                             vocab_size=60, min_frequency=1)
        >>> tokenizer.tokens(tokenizer.encode(["a paid debt"], 16).token_ids[0])
        ['[CLS]', 'a', 'paid', 'debt', '[SEP]']
    """
    if min_frequency < 1:
        raise ConfigError(f"the minimum frequency is {min_frequency}; make it 1 or more")
    if not texts:
        raise DataError("there are no texts to make a vocabulary of")
    backend = build_wordpiece({token: i for i, token in enumerate(SPECIAL_TOKENS)}, lowercase)
    alphabet, inside = _characters(backend, texts, min_frequency)
    if not alphabet:
        raise DataError(
            f"no character of the {len(texts)} texts occurs {min_frequency} times; lower the "
            "minimum frequency"
        )
    # The trainer numbers pieces such as "##c" in the order of a hash table, another one in every
    # process, and of two pairs that occur equally often takes the one with the lower numbers. So
    # they get their numbers here: special tokens are numbered as they are listed.
    first = [*SPECIAL_TOKENS, *(PREFIX + character for character in inside)]
    needed = len(first) + len(alphabet)
    if vocab_size < needed:
        raise ConfigError(
            f"the vocabulary size is {vocab_size}, but the special tokens and the characters "
            f"of the texts alone are {needed} pieces; make it larger, or raise the minimum "
            f"frequency, which is {min_frequency}"
        )
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_frequency,
        special_tokens=first,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        continuing_subword_prefix=PREFIX,
        show_progress=False,
    )
    backend.train_from_iterator(texts, trainer, length=len(texts))
    # Built anew, because the trainer has made special tokens of all that it was to number.
    return Tokenizer(build_wordpiece(backend.get_vocab(with_added_tokens=False), lowercase))


def _characters(
    backend: tokenizers.Tokenizer, texts: Sequence[str], min_frequency: int
) -> tuple[list[str], list[str]]:
    """The characters that occur often enough, sorted; and those of them that stand inside words."""
    words: Counter[str] = Counter()
    for text in texts:
        split = backend.pre_tokenizer.pre_tokenize_str(backend.normalizer.normalize_str(text))
        words.update(word for word, _ in split)
    counts: Counter[str] = Counter()
    inside: set[str] = set()
    for word, count in words.items():
        for character in word:
            counts[character] += count
        inside.update(word[1:])
    alphabet = sorted(c for c, count in counts.items() if count >= min_frequency)
    return alphabet, [character for character in alphabet if character in inside]
