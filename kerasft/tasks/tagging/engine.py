"""Running a tagger of tokens: from words to entities with scores, on any runtime."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kerasft.tasks.tagging.tag_decoding import ScoredSpan, find_spans, outside
from kerasft.tasks.tagging.word_windows import Window, owners, prediction_windows

if TYPE_CHECKING:
    from kerasft.runtimes.runtime import Encodes
    from kerasft.text.tokenizer import Tokenizer


class Tagged(NamedTuple):
    """What the model finds in a sentence, and whether some of it was cut.

    Attributes:
        spans: The entities, in order.
        cut: A word has more tokens than the model reads at once, and its end was not read.
    """

    spans: list[ScoredSpan]
    cut: bool


class TaggingEngine:
    """Finds entities, on any runtime.

    Long sentences are read in windows that overlap, so that none is cut but in a word which is
    longer than a window. What is found in a sentence does not depend on the sentences beside it
    beyond float32 rounding.

    Args:
        encoder: The tagger on some runtime.
        tags: The names of its BIO tags, in the order of the logits.
        max_length: Most tokens that the model reads at once.

    Example:
        >>> engine = TaggingEngine(encoder, tokenizer, ["O", "B-PER", "I-PER"], 128)
        >>> engine.find([["Ann", "left", "."]])
        [[ScoredSpan(span=Span(start=0, end=1, type='PER'), score=0.98)]]
    """

    def __init__(
        self, encoder: Encodes, tokenizer: Tokenizer, tags: Sequence[str], max_length: int
    ) -> None:
        self._tokenizer, self._tags, self._max_length = tokenizer, list(tags), max_length
        self._encoder = encoder

    def find(self, sentences: Sequence[Sequence[str]]) -> list[list[ScoredSpan]]:
        """The entities of each sentence, in order.

        Args:
            sentences: The words of each sentence.

        Raises:
            FolderError: The model computes NaN or infinity.
        """
        return [each.spans for each in self.read(sentences)]

    def read(self, sentences: Sequence[Sequence[str]]) -> list[Tagged]:
        """The entities of each sentence, and whether a word of it was cut.

        Args:
            sentences: The words of each sentence.

        Raises:
            FolderError: The model computes NaN or infinity.
        """
        windows = prediction_windows(self._tokenizer, sentences, self._max_length)
        cut = set(windows.cut_words)
        return [
            Tagged(find_spans(found, self._tags), row in cut)
            for row, found in enumerate(self._probabilities(sentences, windows.windows))
        ]

    def probabilities(self, sentences: Sequence[Sequence[str]]) -> list[np.ndarray]:
        """The probability of each tag for each word.

        A word without a token (of control characters alone) is "O".

        Args:
            sentences: The words of each sentence.

        Returns:
            (words, tags) float64 of each sentence; each row sums to 1.

        Raises:
            FolderError: The model computes NaN or infinity.
        """
        windows = prediction_windows(self._tokenizer, sentences, self._max_length)
        return self._probabilities(sentences, windows.windows)

    def _probabilities(
        self, sentences: Sequence[Sequence[str]], windows: Sequence[Window]
    ) -> list[np.ndarray]:
        logits = self._encoder.run([window.token_ids for window in windows])
        found = [outside(len(words), self._tags) for words in sentences]
        rows = zip(windows, logits, strict=True)
        for sentence, group in itertools.groupby(rows, key=lambda row: row[0].sentence):
            members = list(group)
            spoken = owners([window for window, _ in members])
            for (window, scores), own in zip(members, spoken, strict=True):
                taken = own & (window.first_tokens >= 0)
                found[sentence][window.start : window.end][taken] = _softmax(
                    scores[window.first_tokens[taken]]
                )
        return found


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (words, tags) float64 of logits (words, tags)."""
    shifted = logits.astype(np.float64)
    shifted -= shifted.max(axis=1, keepdims=True, initial=-np.inf)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=1, keepdims=True)
