"""What counts as HTML, and what is a writer's own."""

import time

import pytest

from kerasft.text.cleaning import strip_html

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("<p>I paid.</p>", " I paid. "),
        ("one<br>two<BR/>three<br />four", "one two three four"),
        ('<a href="https://x.example/?a=1&b=2" class=c>the bank</a>', " the bank "),
        ("<td>1</td><td>2</td>", " 1  2 "),
        ("before<!-- hidden <b> -->after", "before after"),
        ("<!DOCTYPE html><html>x</html>", "  x "),
        ("a<style type='text/css'>p > b {color: red}</style>b", "a b"),
        ("a<SCRIPT>if (x < 1) alert('<b>')</script >b", "a b"),
        ("<p\nclass='long'\n>x", " x"),
        ("Johnson &amp; Sons &lt;3 &#36;5 &#x24;6 &eacute;", "Johnson & Sons <3 $5 $6 é"),
        ("a&nbsp;b", "a\u00a0b"),
        ("&lt;b&gt;bold&lt;/b&gt;", " bold "),  # escaped once on its way
        ("&amp;amp;lt;b&amp;amp;gt;", " "),  # and thrice
    ],
)
def test_what_goes(text, expected):
    assert strip_html(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<call is disconnected>",
        "<joe@mail.example>",
        "<XXXX> and XX/XX/<year>",
        "1 < 2 and 3 > 2, x<y>z",
        "AT&T, R&D; &notice; &; &#; &#xZ; ?a=1&copy=2",
        "an arrow -> here <- there",
        "a lonely <b at the end",
        "a lonely <!-- comment",
        "</ p>",
    ],
)
def test_what_stays(text):
    assert strip_html(text) == text


def test_entities_that_are_no_characters():
    assert "\ud800" not in strip_html("half &#xD800; a character")
    assert strip_html("&#9999999;") == "\ufffd"


@pytest.mark.parametrize(
    "piece",
    ["<a", "<a>", "<!--", "-->", "<script>", "</script>", "<style >", "&", "&amp;", "amp;", "&#38;",
     "&lt", "&#", "<b <i", "&am&#8203;p;"],
)  # fmt: skip
def test_texts_made_to_take_long_take_no_longer(piece):
    # Quadratic time would be minutes at this size.
    start = time.perf_counter()
    for text in (piece * 100_000, "&" + piece * 100_000, piece * 100_000 + ">"):
        cleaned = strip_html(text)
        assert strip_html(cleaned) == cleaned
    assert time.perf_counter() - start < 20
