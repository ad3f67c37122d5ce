"""What remembering names alone reaches: the baseline that a tagger has to beat."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from kerasft.tasks.entities.sentence import Sentence, Span

MEMORY = "names seen in training"

Words = tuple[str, ...]


class EntityMemory:
    """The names of the training sentences, each with the type that it mostly has there.

    A name that is mostly no entity where its words occur ("May", "The Times") is left out. Of names
    that begin at the same word the longest is taken, from left to right; letters must be equal.

    Source: the baseline of Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared
    Task" (2003), section 3.4, which takes the names of a single type alone.

    Args:
        sentences: The training sentences.

    Example:
        >>> memory = EntityMemory(dataset.train.sentences)
        >>> memory.find(["Rome", "is", "old"])
        [Span(start=0, end=1, type='LOC')]
    """

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        types: dict[Words, Counter[str]] = defaultdict(Counter)
        for sentence in sentences:
            for span in sentence.spans:
                types[sentence.tokens[span.start : span.end]][span.type] += 1
        self._longest = max((len(name) for name in types), default=0)
        occurrences = self._occurrences(sentences, types)
        self._types: dict[Words, str] = {}
        for name, counts in types.items():
            # Ties: the first type by name, and an entity rather than none.
            kind, most = min(counts.items(), key=lambda item: (-item[1], item[0]))
            if 2 * sum(counts.values()) >= occurrences[name] and most:
                self._types[name] = kind

    def __len__(self) -> int:
        """How many names it knows."""
        return len(self._types)

    def find(self, words: Sequence[str]) -> list[Span]:
        """The names that it knows among the words (n,) of a sentence."""
        spans = []
        at = 0
        while at < len(words):
            for end in range(min(len(words), at + self._longest), at, -1):
                kind = self._types.get(tuple(words[at:end]))
                if kind is not None:
                    spans.append(Span(at, end, kind))
                    at = end - 1
                    break
            at += 1
        return spans

    def _occurrences(
        self, sentences: Sequence[Sentence], names: dict[Words, Counter[str]]
    ) -> Counter[Words]:
        """How often the words of each name occur, as an entity or not, but not inside of others."""
        counts: Counter[Words] = Counter()
        for sentence in sentences:
            tokens = sentence.tokens
            inside = {i for span in sentence.spans for i in range(span.start, span.end)}
            for span in sentence.spans:
                counts[tokens[span.start : span.end]] += 1
            for start in range(len(tokens)):
                for end in range(start + 1, min(len(tokens), start + self._longest) + 1):
                    if end - 1 in inside or start in inside:
                        break
                    name = tokens[start:end]
                    if name in names:
                        counts[name] += 1
        return counts
