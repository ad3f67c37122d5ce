"""Splits sentences of words into windows of token ids that a model can read at once.

A tagger learns and predicts the tag of a word at its first token (Devlin et al., "BERT", 2019,
section 5.3); the other tokens of the word are read only.

A sentence of more tokens than the model reads becomes several windows. In training they follow one
another and are cut between entities. In prediction, where entities are unknown, they overlap, and
each word is taken from the window in which it has the most context.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasft.errors import ConfigError
from kerasft.tasks.entities.sentence import Sentence
from kerasft.text.tokenizer import EncodedWords, Tokenizer

# Words that two windows of a prediction share, as a share of the tokens that a window holds.
OVERLAP = 0.25


@dataclass(frozen=True)
class Window:
    """A run of the words of one sentence, ready for a model.

    Attributes:
        sentence: Which sentence it is of, from 0.
        start: Its first word.
        end: The word after its last.
        token_ids: (tokens,) int32, special tokens included.
        first_tokens: (end - start,) int32, where in `token_ids` each word begins; -1 for a word
            that has no token.
    """

    sentence: int
    start: int
    end: int
    token_ids: np.ndarray
    first_tokens: np.ndarray


@dataclass(frozen=True)
class Windows:
    """The windows of many sentences, and what cutting them cost.

    Attributes:
        windows: In the order of the sentences.
        sentences: How many sentences there are.
        max_length: Most tokens of a window, special tokens included.
        long_sentences: Sentences of more than one window.
        cuts: Borders inside entities that are longer than a window.
        cut_words: The sentence of each word that is longer than a window; the word's last tokens
            are left out.
        empty_words: Words without a token (of control characters alone, ...).
        unknown: Tokens that are the unknown token, of `tokens`.
        tokens: Tokens of all sentences.
        overlap: Whether the windows of a sentence overlap.
    """

    windows: list[Window]
    sentences: int
    max_length: int
    long_sentences: int
    cuts: int
    cut_words: list[int]
    empty_words: int
    unknown: int
    tokens: int
    overlap: bool

    def summary(self) -> str:
        """One sentence for the run's output and the model card."""
        how = "that overlap" if self.overlap else "cut between entities"
        if self.cuts:
            how += f", but for {self.cuts} cuts in entities that are longer than a window"
        text = f"{self.long_sentences or 'none'} of {self.sentences} sentences "
        text += "are" if self.long_sentences > 1 else "is"
        text += f" longer than {self.max_length} tokens"
        if self.long_sentences:
            text += f" and read in windows {how}"
        for count, what in (
            (len(self.cut_words), "longer than a window and cut"),
            (self.empty_words, "without a letter that the tokenizer knows of"),
        ):
            if count:
                text += f"; {count} word{' is' if count == 1 else 's are'} {what}"
        share = self.unknown / max(self.tokens, 1)
        return f"{text}; {share:.2%} of the tokens are unknown"


def training_windows(
    tokenizer: Tokenizer, sentences: Sequence[Sentence], max_length: int
) -> Windows:
    """Windows that hold each word once and cut no entity that fits into one.

    Args:
        tokenizer: Turns words into tokens.
        max_length: Most tokens of a window, special tokens included.

    Raises:
        ConfigError: `max_length` leaves no room for one token of text.

    Example:
        >>> found = training_windows(tokenizer, dataset.train.sentences, 128)
        >>> found.summary()
        '3 of 1315 sentences are longer than 128 tokens and read in windows cut between ...'
    """
    borders = []
    for sentence in sentences:
        allowed = np.ones(len(sentence.tokens) + 1, dtype=bool)
        for span in sentence.spans:
            allowed[span.start + 1 : span.end] = False
        borders.append(allowed)
    return _windows(tokenizer, [each.tokens for each in sentences], max_length, 0.0, borders)


def prediction_windows(
    tokenizer: Tokenizer, sentences: Sequence[Sequence[str]], max_length: int
) -> Windows:
    """Windows that overlap, for sentences whose entities are not known.

    Args:
        tokenizer: Turns words into tokens.
        sentences: The words of each sentence.
        max_length: Most tokens of a window, special tokens included.

    Raises:
        ConfigError: `max_length` leaves no room for one token of text.
    """
    borders = [np.ones(len(words) + 1, dtype=bool) for words in sentences]
    return _windows(tokenizer, sentences, max_length, OVERLAP, borders)


def owners(windows: Sequence[Window]) -> list[np.ndarray]:
    """Which of its words each window decides, where windows overlap.

    Args:
        windows: The windows of one sentence, in order.

    Returns:
        One array (words of the window,) bool a window; each word of the sentence is in one.
    """
    if not windows:
        return []
    words = np.arange(windows[-1].end)
    # How far each word is from the borders of each window; those of the sentence do not count.
    depth = np.full((len(windows), len(words)), -1)
    for row, window in enumerate(windows):
        inside = words[window.start : window.end]
        left = inside - window.start if window.start else np.full(len(inside), len(words))
        right = (
            window.end - 1 - inside if window.end < len(words) else np.full(len(inside), len(words))
        )
        depth[row, window.start : window.end] = np.minimum(left, right)
    best = depth.argmax(axis=0)
    return [best[w.start : w.end] == row for row, w in enumerate(windows)]


def _windows(
    tokenizer: Tokenizer,
    sentences: Sequence[Sequence[str]],
    max_length: int,
    overlap: float,
    borders: Sequence[np.ndarray],
) -> Windows:
    room = max_length - tokenizer.special_count
    if room < 1:
        raise ConfigError(
            f"max_length is {max_length}, but {tokenizer.special_count} special tokens go around "
            f"each sentence; make it {tokenizer.special_count + 1} or more"
        )
    windows: list[Window] = []
    cut_words: list[int] = []
    long_sentences = cuts = empty_words = unknown = tokens = 0
    for row, (words, encoded) in enumerate(
        zip(sentences, tokenizer.encode_words(sentences), strict=True)
    ):
        sizes = np.bincount(encoded.words, minlength=len(words))
        runs = _runs(sizes, room, int(overlap * room), borders[row])
        windows += [_window(tokenizer, row, run, encoded, room) for run in runs]
        long_sentences += len(runs) > 1
        cuts += sum(not borders[row][end] for _, end in runs)
        cut_words += [row] * int((sizes > room).sum())
        empty_words += int((sizes == 0).sum())
        unknown += int((encoded.token_ids == tokenizer.unknown_id).sum())
        tokens += len(encoded.token_ids)
    return Windows(
        windows=windows,
        sentences=len(sentences),
        max_length=max_length,
        long_sentences=long_sentences,
        cuts=cuts,
        cut_words=cut_words,
        empty_words=empty_words,
        unknown=unknown,
        tokens=tokens,
        overlap=overlap > 0,
    )


def _runs(sizes: np.ndarray, room: int, overlap: int, allowed: np.ndarray) -> list[tuple[int, int]]:
    """Words (start, end) of each window.

    Args:
        sizes: (words,) tokens of each word.
        room: Most tokens of a window; a longer word is a window of its own.
        overlap: Most tokens that a window shares with the one before it.
        allowed: (words + 1,) whether a border may stand before each word.
    """
    total = np.concatenate([[0], np.cumsum(np.minimum(sizes, room))])
    runs: list[tuple[int, int]] = []
    start, words = 0, len(sizes)
    while True:
        end = int(np.searchsorted(total, total[start] + room, side="right")) - 1
        end = max(end, start + 1)
        if end >= words:
            return [*runs, (start, words)]
        cuts = np.flatnonzero(allowed[start + 1 : end + 1])
        if len(cuts):
            end = start + 1 + int(cuts[-1])
        runs.append((start, end))
        if overlap:
            back = int(np.searchsorted(total, total[end] - overlap, side="left"))
            start = max(min(back, end), start + 1)
        else:
            start = end


def _window(
    tokenizer: Tokenizer, row: int, run: tuple[int, int], encoded: EncodedWords, room: int
) -> Window:
    start, end = run
    of_run = (encoded.words >= start) & (encoded.words < end)
    words = encoded.words[of_run][:room] - start
    first_tokens = np.full(end - start, -1, dtype=np.int32)
    found, places = np.unique(words, return_index=True)  # the first place of each word
    first_tokens[found] = places + tokenizer.first_position
    token_ids = tokenizer.with_special(encoded.token_ids[of_run][:room])
    return Window(row, start, end, token_ids, first_tokens)
