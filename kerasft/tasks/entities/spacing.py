"""Puts spaces between the tokens of a treebank, and splits a text into such tokens.

Corpora in columns hold words and punctuation marks apart: `Mary 's in ( old ) Rome .` What people
type, and what a pretrained model has read, is `Mary's in (old) Rome.` These rules restore the
spaces for languages that use them as English does. They change no character of a token, so every
token has an exact place in the text. Where the original cannot be known (spaces around `-`), the
space stays.
"""

import re
from collections.abc import Sequence

Place = tuple[int, int]

# No space before these ...
CLOSING = re.compile(r"[.,;:!?…)\]}»”%]+|''|-R[RSC]B-")
# ... and none after these.
OPENING = re.compile(r"[(\[{«“„¿¡$£€#]|``|-L[RSC]B-")
# 's, 'm, n't and so on belong to the word before them.
CLITIC = re.compile(r"(?:['’´](?:s|m|d|ll|re|ve|t)|n['’´]t)", re.IGNORECASE)  # noqa: RUF001

# How running text is split: clitics off their word; abbreviations, numbers, addresses, names with &
# or apostrophes in one piece; any other mark by itself. The repeats that could be tried from many
# places without success are bounded, so that the time grows with the length of the text and no
# faster.
_WORD = re.compile(
    r"""
      https?://\S+[^\s.,;:!?)\]}'"»”]             # an address on the web
    | [\w.+-]{1,64}@\w[\w-]*(?:\.\w[\w-]*)+       # a mail address
    | [@\#]\w+                                    # @name, #topic
    | (?:[^\W\d_]\.){2,}                          # U.S., e.g.
    | (?-i:Mr|Mrs|Ms|Dr|St|Jr|Sr|Prof|Gen|Col|Lt|Sgt|Capt|Rev|Gov|Sen|Rep|Inc|Corp|Ltd|Co)\.
    | \d+(?:[.,:/-]\d+){0,9}(?:st|nd|rd|th|s)?(?!\w)  # 1,000.50, 19:30, 5-3, 4th, 1990s
    | \w+?(?=n['’´]t\b)                           # do in don't
    | n['’´]t\b
    | \w+(?:(?:['’´](?!(?:s|m|d|ll|re|ve|t)\b)|[-&/])\w+)*   # O'Neill, Anglo-Dutch, AT&T
    | ['’´](?:s|m|d|ll|re|ve|t)\b                 # 's, 've
    | \.\.\.|--+|``|''                            # marks of several characters
    | \S
    """,  # noqa: RUF001
    re.VERBOSE | re.IGNORECASE,
)


def written(tokens: Sequence[str]) -> str:
    """Joins tokens into running text; each token stays as it is.

    Args:
        tokens: Words and marks, none of them blank.

    Example:
        >>> written(["Mary", "'s", "in", "(", "old", ")", "Rome", "."])
        "Mary's in (old) Rome."
    """
    parts: list[str] = []
    glued = True  # whether nothing comes between the last token and the next
    quoted = False
    for token in tokens:
        left = bool(CLOSING.fullmatch(token) or CLITIC.fullmatch(token))
        right = bool(OPENING.fullmatch(token))
        if token == '"':
            left, right = quoted, not quoted
            quoted = not quoted
        parts.append(token if glued or left else f" {token}")
        glued = right
    return "".join(parts)


def places_of(tokens: Sequence[str], text: str) -> tuple[Place, ...]:
    """Where each token stands in the text that `written` made of them.

    Args:
        text: The text: these tokens in this order, with spaces between some of them.

    Returns:
        (start, end) of each: `text[start:end]` is the token.
    """
    places = []
    at = 0
    for token in tokens:
        if not text.startswith(token, at):
            at += 1  # the space before it
        places.append((at, at + len(token)))
        at += len(token)
    return tuple(places)


def words_of(text: str) -> tuple[Place, ...]:
    """Splits running text into words and marks, much as corpora in columns do.

    Returns:
        (start, end) of each; what lies between them is whitespace.

    Example:
        >>> text = "Dr. O'Neill didn't call."
        >>> [text[start:end] for start, end in words_of(text)]
        ['Dr.', "O'Neill", 'did', "n't", 'call', '.']
    """
    return tuple(match.span() for match in _WORD.finditer(text))
