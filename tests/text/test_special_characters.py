"""Characters that go, and the ones like them that stay."""

import pytest

from kerasft.text.cleaning import remove_invisible, shorten_runs

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bell\x07and\x00nul\x1b[0m", "bell and nul [0m"),
        ("soft\u00adhyphen zero\u200bwidth \ufeffmark", "softhyphen zerowidth mark"),
        ("broken \ufffd here", "broken   here"),
        ("\u202eright to left\u202c", "right to left"),
        ("tab\tnew\nline\r\n\u00a0\u2028", "tab\tnew\nline\r\n\u00a0\u2028"),
        ("family 👨\u200d👩\u200d👧, café, 中文", "family 👨\u200d👩\u200d👧, café, 中文"),
    ],
)
def test_invisible(text, expected):
    assert remove_invisible(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why???? They lied!!!!", "Why? They lied!"),
        ("no,,, stop;;; now::", "no, stop; now:"),
        ("well....... so . . . . what", "well... so ... what"),
        ("wait... what", "wait... what"),
        ("***** NOTICE *****", "  NOTICE  "),
        ("a ------ b ____ c -=-=-=- d", "a   b   c   d"),
        ("\u2014\u2014\u2014\u2014 and \u2022\u2022\u2022", "  and  "),
        ("a -- b, c--d, 5*5, C++, #1, {$5.00}", "a -- b, c--d, 5*5, C++, #1, {$5.00}"),
        ("she said ''no''", "she said ''no''"),
        ("https://x.example/a_b?c=d", "https://x.example/a_b?c=d"),
    ],
)
def test_runs(text, expected):
    assert shorten_runs(text) == expected
    assert shorten_runs(expected) == expected
