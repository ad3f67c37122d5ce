"""Every way in which a redaction is written, and words that only look like one."""

import pytest

from kerasft.text.cleaning import replace_redactions

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("XXXX called", "unnamed called"),
        ("XXXX XXXX XXXX, of XXXX.", "unnamed, of unnamed."),
        ("XXXXXXXXXXXX", "unnamed"),
        ("XXXX/XXXX/XXXX", "unnamed"),
        ("acct XXXX-XXXX - XXXX", "acct unnamed"),
        ("EdXXXX and XXXXs", "Ed unnamed and unnamed s"),
        ("XX years, XXX weeks", "unnamed years, unnamed weeks"),
        ("account xxxxxxxx1234", "account unnamed 1234"),
        ("{$XXXX}.", "{$unnamed}."),
        ("On XX/XX/XXXX, XX/XX/2023 and XX/XX/23.", "On date, date and date."),
        ("XX-XX-2023", "date"),
        ("XX/XX/ and XX/XX", "date and date"),
        ("XX/XX/202XXXX", "date"),
        ("XX/XX/year> XX/XX/<year>", "date date"),
        ("OpenedXX/XX/XXXXClosed", "Opened date Closed"),
        ("XX/XX/XXXXXXXX", "date"),
        ("XXXXXX/XX/2021", "date"),
        ("XX/XX/XXXX-XX/XX/XXXX", "date-date"),
    ],
)
def test_redactions(text, masked):
    assert replace_redactions(text, "mask") == masked
    removed = replace_redactions(text, "remove")
    assert "XX" not in removed.upper()
    assert removed.split() == masked.replace("unnamed", " ").replace("date", " ").split()
    assert replace_redactions(text, "keep") == text


@pytest.mark.parametrize(
    "text", ["TJMAXX", "Super Bowl XXVII", "Exxon", "X", "x XL XXL", "foxx xx", "12/24/2023", ""]
)
def test_words(text):
    assert replace_redactions(text, "mask") == replace_redactions(text, "remove") == text
