"""Long sentences in parts."""

import itertools

import pytest

from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.text_to_entities.sentence_parts import parts_of, text_of

pytestmark = pytest.mark.plain

WORDS = ("Ann", "left", "Rome", ".", "Bob", "Lee", "and", "Eve", "went", "to", "the", "sea", ".")


def shorter_than(limit: int):
    return lambda start, end: end - start < limit


def test_a_sentence_that_fits_is_one_part():
    assert parts_of(Sentence(WORDS), shorter_than(14)) == [(0, 13)]


@pytest.mark.parametrize("limit", range(2, 13))
def test_parts_stand_end_to_end_and_fit(limit):
    parts = parts_of(Sentence(WORDS), shorter_than(limit))
    assert parts[0][0] == 0 and parts[-1][1] == len(WORDS)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
    assert all(0 < end - start < limit for start, end in parts)


def test_the_end_of_a_sentence_is_cut_first():
    # The middle is before "and"; the end of the first sentence is near enough.
    assert parts_of(Sentence(WORDS), shorter_than(13))[0] == (0, 4)
    far = ("a", ".", *"bcdefghijk")
    assert parts_of(Sentence(far), shorter_than(12))[0] == (0, 6)


def test_entities_are_spared_where_they_can_be():
    sentence = Sentence(("a", "b", "c", "d", "e", "f"), (Span(1, 6, "X"),))
    assert parts_of(sentence, shorter_than(6), spare_entities=True) == [(0, 1), (1, 6)]
    # Too long by itself: it stays whole, and whoever reads it says that it is cut.
    assert parts_of(sentence, shorter_than(3), spare_entities=True) == [(0, 1), (1, 6)]
    assert (0, 3) in parts_of(sentence, shorter_than(6))


def test_a_word_stays_whole():
    assert parts_of(Sentence(("a", "b")), lambda start, end: False) == [(0, 1), (1, 2)]


def test_the_text_of_a_part_is_that_of_the_sentence():
    text = "  Ann  left (Rome)."
    sentence = Sentence.from_text(text)
    assert "".join(text_of(sentence, (0, len(sentence.tokens)))) == text.strip()
    assert text_of(sentence, (1, 4)) == "left (Rome"
