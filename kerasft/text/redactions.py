"""Redactions, as public complaints have them: XXXX for a name, XX/XX/2023 for a date."""

import re
from typing import Literal

Redactions = Literal["keep", "mask", "remove"]

# Two or three X count only where no letter is beside them: "TJMAXX" and "XXVII" are words.
_RUN = r"(?:X{4,}|x{4,}|(?<![A-Za-z])X{2,3}(?![A-Za-z]))"
_RUNS = re.compile(rf"{_RUN}(?:[\s/-]+{_RUN})*")
# XX/XX/XXXX, XX/XX/2023, XX/XX/23, XX/XX/202XXXX, XX/XX/, XX-XX; "<year>" is what some years are.
_DATE = re.compile(r"(?<!X)X{2,}([/-])XX(?!X)(?:\1(?:X{2,}|\d{1,4}X*|<?year>?)?)?")

# Each is one piece in the vocabulary of BERT.
NAME, DATE = "unnamed", "date"


def replace_redactions(text: str, how: Redactions) -> str:
    """Masks or removes redactions.

    Args:
        text: The text.
        how: "mask" writes one word for a run of redacted words ("unnamed") or a redacted date
            ("date"), "remove" leaves a space, "keep" changes nothing.

    Example:
        >>> replace_redactions("On XX/XX/2023 XXXX XXXX called.", "mask")
        'On date unnamed called.'
    """
    if how == "keep" or "xx" not in text.lower():
        return text
    words = {_DATE: DATE, _RUNS: NAME} if how == "mask" else {_DATE: "", _RUNS: ""}
    for pattern, word in words.items():
        text = pattern.sub(lambda match, word=word: _apart(match, word), text)
    return text


def _apart(match: re.Match[str], word: str) -> str:
    """The word, kept apart from a letter or digit beside the redaction ("EdXXXX", "XXXXs")."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    if not word:
        return " "
    return " " * before.isalnum() + word + " " * after.isalnum()
