"""Tokens to running text and back to places; running text to words."""

import itertools
import random
import string
import time

import pytest

from kerasft.tasks.entities.spacing import places_of, words_of, written

pytestmark = pytest.mark.plain

WRITTEN = {
    "Mary's in (old) Rome.": "Mary 's in ( old ) Rome .",
    "I can't; they've gone!": "I ca n't ; they 've gone !",
    'He said "no" and left.': 'He said " no " and left .',
    '"Yes," she said, "come."': '" Yes , " she said , " come . "',
    "``Yes,'' she said...": "`` Yes , '' she said ...",
    "It cost $50, or 6%.": "It cost $ 50 , or 6 % .",
    "U.S. troops in St. Mary's?!": "U.S. troops in St. Mary 's ?!",
    "«Oui», dit-il.": "« Oui » , dit-il .",
}


@pytest.mark.parametrize("text", WRITTEN)
def test_tokens_are_written_as_people_write(text):
    assert written(WRITTEN[text].split()) == text


def test_every_token_has_its_place():
    rng = random.Random(0)
    marks = [*"()[]\"'.,;:!?$%-–#@&", "``", "''", "'s", "n't", "...", "a b", "no\u00a0break", "🙂"]  # noqa: RUF001
    for _ in range(2000):
        words = [
            rng.choice(marks) if rng.random() < 0.6 else rng.choice(string.ascii_letters)
            for _ in range(rng.randint(1, 12))
        ]
        text = written(words)
        places = places_of(words, text)
        assert [text[start:end] for start, end in places] == words
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(places))


SPLIT = {
    "Dr. O'Neill didn't call.": "Dr. O'Neill did n't call .",
    "Mary's at AT&T, in St. Mary's!": "Mary 's at AT&T , in St. Mary 's !",
    "The U.S. (est. 1776) won 5-3 at 19:30.": "The U.S. ( est . 1776 ) won 5-3 at 19:30 .",
    "@paul see #NFL http://t.co/abc.": "@paul see #NFL http://t.co/abc .",
    "Write to a.b@c.org; it's $1,000.50": "Write to a.b@c.org ; it 's $ 1,000.50",
    "Anglo-Dutch – the 1990s, 4th... no": "Anglo-Dutch – the 1990s , 4th ... no",  # noqa: RUF001
    "No. 5? No.": "No . 5 ? No .",
    "東京 is far": "東京 is far",
    "": "",
    " \n\t": "",
}


@pytest.mark.parametrize("text", SPLIT)
def test_running_text_is_split_into_words(text):
    places = words_of(text)
    assert [text[start:end] for start, end in places] == SPLIT[text].split()


def test_nothing_but_whitespace_is_lost():
    rng = random.Random(1)
    letters = string.ascii_letters[:6] + "0 1\t.,'’n't\u00a0\u200bé🙂-@#/:&$"  # noqa: RUF001
    for _ in range(3000):
        text = "".join(rng.choice(letters) for _ in range(rng.randint(0, 30)))
        places = words_of(text)
        assert "".join(text[s:e] for s, e in places) == "".join(text.split())
        assert all(not any(c.isspace() for c in text[s:e]) for s, e in places)


@pytest.mark.parametrize(
    "unit", ["a+", "1.", "a", "n't", "a.a", "http://,", "'", "a@a.", "-1", "a'", "A.", "1-a"]
)
def test_long_texts_take_time_in_proportion(unit):
    began = time.perf_counter()
    words_of(unit * 100_000)
    assert time.perf_counter() - began < 5  # 0.2 in proportion, minutes with its square
