"""Cleaning as a whole: its order, that twice is once, and what is stored of it."""

import itertools
import random
import time

import pytest

from harness.texts import AWKWARD
from kerasft.errors import ConfigError, FolderError
from kerasft.text.cleaning import Cleaning

pytestmark = pytest.mark.plain

ALL = Cleaning(html=True, redactions="mask", special_characters=True, collapse_whitespace=True)
MESSY = (
    "<p>On XX/XX/2023&nbsp;XXXX\u200bXXXX called me!!!!!</p>\n\n*****\n"
    "&lt;b&gt;I owe {$123.45}?&lt;/b&gt; EdXXXX said: no....."
)

# What steps look for, and what one step makes out of it for another.
PIECES = [
    "X", "XX", "XXXX", "xx", "xX", "/", "-", " ", "\n", "2023", "year>", "<", ">", "<b>", "</b",
    "<!--", "-->", "<script>", "</script>", "&", "amp;", "&amp;", "&lt;", "&gt;", "&#1;", "&#88;",
    "&#x26;", ";", "&shy;", "\u200b", "\u00ad", "\x07", "!", "!!", "...", ".", "*", "--", "\u2014",
    "word", "İ", "ß", "e\u0301", "\uff38", "\uff1c", "\uff06", "é", "#", "1",
]  # fmt: skip

CHOICES = {
    "unicode_form": ["", "NFC", "NFKD"],
    "html": [False, True],
    "redactions": ["keep", "mask", "remove"],
    "special_characters": [False, True],
    "lowercase": [False, True],
    "collapse_whitespace": [False, True],
}
CLEANINGS = [
    Cleaning(**dict(zip(CHOICES, values, strict=True)))
    for values in itertools.product(*CHOICES.values())
]


def test_a_messy_text():
    assert ALL.apply(MESSY) == (
        "On date unnamed called me! I owe {$123.45}? Ed unnamed said: no..."
    )


def test_by_default_nothing_is_done():
    assert Cleaning().apply(MESSY) == MESSY and Cleaning().to_dict() == {}


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ({"unicode_form": "NFKC", "html": True}, "\uff1cb\uff1ebold", " bold"),
        ({"html": True, "redactions": "mask"}, "&#88;&#88;&#88;&#88;", "unnamed"),
        ({"special_characters": True, "redactions": "mask"}, "XX\u200bXX", "unnamed"),
        ({"redactions": "remove", "collapse_whitespace": True}, "a XXXX b", "a b"),
        ({"html": True, "special_characters": True}, "!<b>!</b>!&#8203;!&#8203;!", "! ! !"),
    ],
)
def test_steps_work_together(step, text, expected):
    assert Cleaning(**step).apply(text) == expected


def test_twice_is_once():
    rng = random.Random(0)
    made = ["".join(rng.choices(PIECES, k=rng.randint(1, 24))) for _ in range(3000)]
    for number, text in enumerate([*AWKWARD, MESSY, *made]):
        # Each text with some of the cleanings, each cleaning with many of the texts.
        for cleaning in CLEANINGS[number % 7 :: 7]:
            if not (cleaning.html or cleaning.redactions != "keep" or cleaning.special_characters):
                continue
            once = cleaning.apply(text)
            assert cleaning.apply(once) == once, (cleaning, text)


def test_texts_made_to_take_long_take_no_longer():
    deep = "&am&#8203;p;"
    for _ in range(12):
        deep = deep.replace("&", "&a&#8203;mp;", 1)
    start = time.perf_counter()
    for text in ("X" * 300_000, "XX/" * 100_000, ". " * 100_000, "X " * 100_000, deep * 2000):
        once = ALL.apply(text)
        assert ALL.apply(once) == once
    assert time.perf_counter() - start < 20


def test_only_steps_that_are_taken_are_stored():
    assert Cleaning(html=True).to_dict() == {"html": True}
    assert Cleaning(redactions="remove").to_dict() == {"redactions": "remove"}
    for cleaning in CLEANINGS:
        assert Cleaning.from_dict(cleaning.to_dict()) == cleaning
    # What folders from before these steps hold.
    assert Cleaning.from_dict({"lowercase": True}) == Cleaning(lowercase=True)


def test_old_steps_do_what_they_did():
    cleaning = Cleaning(unicode_form="NFKC", lowercase=True, collapse_whitespace=True)
    assert cleaning.apply("  <B>XXXX</B> \uff21!!!! &amp;\n") == "<b>xxxx</b> a!!!! &amp;"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"stem": True},
            "unknown preprocessing step 'stem'; the known ones are unicode_form",
        ),
        ({"html": "yes"}, "html is 'yes', but must be true or false"),
        ({"special_characters": 1}, "special_characters is 1"),
        ({"redactions": "hide"}, "redactions is 'hide', but must be one of keep, mask, remove"),
        ({"redactions": True}, "redactions is True"),
        ({"unicode_form": "NFX"}, "unicode_form is 'NFX'"),
    ],
)
def test_refusals(values, message):
    with pytest.raises(FolderError, match=message):
        Cleaning.from_dict(values, FolderError)
    with pytest.raises(ConfigError):
        Cleaning.from_dict(values)
