"""Sentences: what they refuse, and tokens against characters."""

import pytest

from kerasft.errors import DataError
from kerasft.tasks.entities.sentence import Entity, Sentence, Span, types_of

pytestmark = pytest.mark.plain

SENTENCE = Sentence(
    ("Ann", "Lee", "'s", "in", "New", "York", "."), (Span(0, 2, "PER"), Span(4, 6, "LOC"))
)


def test_tokens_and_characters_agree():
    assert SENTENCE.text == "Ann Lee's in New York."
    assert SENTENCE.entities == (Entity(0, 7, "PER"), Entity(13, 21, "LOC"))
    assert [SENTENCE.mention(span) for span in SENTENCE.spans] == ["Ann Lee", "New York"]
    assert tuple(SENTENCE.span(entity) for entity in SENTENCE.entities) == SENTENCE.spans
    assert SENTENCE.span(Entity(0, 2, "PER")) is None
    assert SENTENCE.span(Entity(1, 7, "PER")) is None


def test_a_text_is_split_and_kept_as_it_is():
    text = " Ann  Lee's\nin Rome ."
    sentence = Sentence.from_text(text)
    assert sentence.tokens == ("Ann", "Lee", "'s", "in", "Rome", ".")
    assert sentence.text == text
    assert sentence.entity(Span(0, 2, "PER")) == Entity(1, 9, "PER")
    with pytest.raises(DataError, match="at least one"):
        Sentence.from_text("  ")


def test_a_part_keeps_the_entities_in_it():
    assert SENTENCE.part(3, 7) == Sentence(("in", "New", "York", "."), (Span(1, 3, "LOC"),))
    assert SENTENCE.part(1, 4).spans == (Span(0, 1, "PER"),)
    assert SENTENCE.part(2, 4).spans == ()
    assert SENTENCE.part(0, 7) == SENTENCE


def test_types_are_sorted():
    assert types_of([SENTENCE, Sentence(("x",), (Span(0, 1, "a"),))]) == ("LOC", "PER", "a")


@pytest.mark.parametrize(
    ("tokens", "spans", "words"),
    [
        ((), (), "at least one token"),
        (("",), (), "''"),
        ((" ",), (), "' '"),
        (("a ",), (), "'a '"),
        (("a\ud800",), (), "surrogate"),
        (("a", "b"), (Span(0, 3, "X"),), "2 tokens"),
        (("a", "b"), (Span(1, 1, "X"),), "empty"),
        (("a", "b"), (Span(-1, 1, "X"),), "-1"),
        (("a", "b"), (Span(0, 2, "X"), Span(1, 2, "Y")), "overlaps"),
        (("a", "b"), (Span(1, 2, "X"), Span(0, 1, "Y")), "overlaps"),
        (("a", "b"), (Span(0, 1, " "),), "no type"),
    ],
)
def test_what_cannot_be_is_refused(tokens, spans, words):
    with pytest.raises(DataError, match=words):
        Sentence(tokens, spans)
