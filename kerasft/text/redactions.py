"""Redactions, as public complaints have them: XXXX for a name, XX/XX/2023 for a date."""

import re
from functools import partial
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
        how: "mask" writes one word for a run of redacted words ("unnamed") or a redacted date
            ("date"), "remove" leaves a space, "keep" changes nothing.

    Example:
        >>> replace_redactions("On XX/XX/2023 XXXX XXXX called.", "mask")
        'On date unnamed called.'
    """
    if how == "keep" or "xx" not in text.lower():
        return text
    # Dates first, since their parts are runs of X as well.
    for pattern, word in ((_DATE, DATE), (_RUNS, NAME)):
        text = pattern.sub(" " if how == "remove" else partial(_mask, word), text)
    return text


def _mask(word: str, match: re.Match[str]) -> str:
    """The word, kept apart from a letter or digit beside the redaction ("EdXXXX", "XXXXs")."""
    text, start, end = match.string, match.start(), match.end()
    before = " " if text[start - 1 : start].isalnum() else ""  # "" at the start of the text
    return before + word + (" " if text[end : end + 1].isalnum() else "")
