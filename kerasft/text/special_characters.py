"""Removes control characters, lines of decoration and repeated punctuation."""

import re

# White space stays; what else cannot be seen or is a mark of broken decoding becomes a space.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffc\ufffd]")
# These stand inside words, which must not fall apart. The joiners of emoji and Indic scripts stay.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_DECORATION = re.compile(r"[*=_~#|^+\\•●◦■□▪▫◆◇★☆·─━═│┃┄┈\-\u2013\u2014]{3,}")
_REPEATED = re.compile(r"([!?,;:])\1+")
_DOTS = re.compile(r"\.(?:\s*\.){3,}")


def remove_invisible(text: str) -> str:
    r"""Removes control characters (a space stays) and invisible marks (nothing stays).

    Example:
        >>> remove_invisible("zero\u200bwidth and\x07bell")
        'zerowidth and bell'
    """
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text))


def shorten_runs(text: str) -> str:
    """Replaces decoration of three characters or more by a space, and repeated punctuation by one.

    Four dots or more become three.

    Example:
        >>> shorten_runs("Why???? *** They lied!!!!......")
        'Why?   They lied!...'
    """
    text = _DECORATION.sub(" ", text)
    return _DOTS.sub("...", _REPEATED.sub(r"\1", text))
