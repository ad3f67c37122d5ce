"""Sentences and the entities in them, by tokens and by characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from kerasft.errors import DataError
from kerasft.tasks.entities.spacing import Place, places_of, words_of, written


@dataclass(frozen=True, order=True)
class Span:
    """An entity by its tokens.

    Attributes:
        start: Its first token, from 0.
        end: The token after its last.
        type: Its type: "PER", "creative-work", ...
    """

    start: int
    end: int
    type: str


@dataclass(frozen=True, order=True)
class Entity:
    """An entity by its characters.

    Attributes:
        start: Its first character in the text, from 0.
        end: The character after its last, so that `text[start:end]` is the mention.
    """

    start: int
    end: int
    type: str


@dataclass(frozen=True)
class Sentence:
    """The tokens of a sentence and the entities among them.

    `text` is the sentence as running text, by the rules of `spacing.py`; `places` says where in it
    each token stands.

    Attributes:
        tokens: (n,) words and marks; none is a blank, though one may be a space of another kind.
        spans: The entities, in order, none of which overlap.

    Raises:
        DataError: There is no token, one is blank, padded or not Unicode, or the spans are empty,
            overlap, have no type or go beyond the tokens.

    Example:
        >>> sentence = Sentence(("Ann", "'s", "in", "Rome", "."), (Span(0, 1, "PER"),
        ...                                                        Span(3, 4, "LOC")))
        >>> sentence.text, sentence.entities[1]
        ("Ann's in Rome.", Entity(start=9, end=13, type='LOC'))
    """

    tokens: tuple[str, ...]
    spans: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        if not self.tokens:
            raise DataError("a sentence needs at least one token")
        for token in self.tokens:
            if not isinstance(token, str) or not _is_token(token):
                raise DataError(
                    f"{token!r} is no token; tokens are strings that neither are blank nor begin "
                    "or end with a space"
                )
            if any(unicodedata.category(c) == "Cs" for c in token):
                raise DataError(f"the token {token!r} holds a lone surrogate (half a character)")
        last = 0
        for span in self.spans:
            if not last <= span.start < span.end <= len(self.tokens):
                raise DataError(
                    f"the span {span.start} to {span.end} overlaps the one before it, is empty or "
                    f"goes beyond the {len(self.tokens)} tokens of its sentence"
                )
            if not span.type.strip():
                raise DataError(f"the span {span.start} to {span.end} has no type")
            last = span.end

    @classmethod
    def from_text(cls, text: str) -> Sentence:
        """A sentence of running text, split into words and marks, without entities.

        `text` and `places` are then those of the given text.

        Raises:
            DataError: The text has no words.
        """
        places = words_of(text)
        sentence = cls(tuple(text[start:end] for start, end in places))
        # Fill the two cached properties: the text is known and need not be put together.
        sentence.__dict__["text"] = text
        sentence.__dict__["places"] = places
        return sentence

    @cached_property
    def text(self) -> str:
        """The sentence as running text."""
        return written(self.tokens)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """(n,) the characters of `text` that each token is: (start, end)."""
        return places_of(self.tokens, self.text)

    @property
    def entities(self) -> tuple[Entity, ...]:
        """The spans as characters of `text`."""
        return tuple(self.entity(span) for span in self.spans)

    def entity(self, span: Span) -> Entity:
        """A span of this sentence's tokens as characters of its text."""
        return Entity(self.places[span.start][0], self.places[span.end - 1][1], span.type)

    def span(self, entity: Entity) -> Span | None:
        """Characters of this sentence's text as tokens; None if they cut a token."""
        starts = [start for start, _ in self.places]
        ends = [end for _, end in self.places]
        if entity.start not in starts or entity.end not in ends:
            return None
        return Span(starts.index(entity.start), ends.index(entity.end) + 1, entity.type)

    def mention(self, span: Span) -> str:
        """The words of a span, as they stand in the text."""
        entity = self.entity(span)
        return self.text[entity.start : entity.end]

    def part(self, start: int, end: int) -> Sentence:
        """The tokens from `start` up to `end` as a sentence; an entity across a border is cut.

        Args:
            start: The first token.
            end: The token after the last.
        """
        spans = (
            Span(max(span.start, start) - start, min(span.end, end) - start, span.type)
            for span in self.spans
            if span.start < end and span.end > start
        )
        return Sentence(self.tokens[start:end], tuple(spans))


def _is_token(token: str) -> bool:
    """Whether it neither is blank nor begins or ends so; a no-break space may be a token."""
    return bool(token) and token == (token.strip() or token.strip(" \t\r\n"))


def types_of(sentences: Iterable[Sentence]) -> tuple[str, ...]:
    """The types of entity that occur, sorted by code point."""
    return tuple(sorted({span.type for sentence in sentences for span in sentence.spans}))
