"""Joins words and punctuation marks into running text, by rules for English and Italian.

A word-level tokenizer splits off punctuation marks and drops the spaces: "L'acqua è fredda."
becomes L ' acqua è fredda . and must be restored. These rules put the spaces where both languages
put them. They need not know the language: where the two differ, the words beside the mark decide
("don ' t" is English, "un po ' di" Italian).

Some things are lost: a hyphen with spaces around it, apostrophes as quotation marks, several spaces
in a row.
"""

from collections.abc import Sequence

APOSTROPHES = frozenset("'’")  # noqa: RUF001
# No space before these ...
CLOSING = frozenset(".,;:!?…)]}»”%")
# ... none after these ...
OPENING = frozenset("([{«“„‘¿¡")  # noqa: RUF001
# ... and none on either side of these, between two words.
JOINING = frozenset("-/_\\‐‑")  # noqa: RUF001
DASHES = frozenset("–—")  # noqa: RUF001

# What follows an apostrophe in English: it's, don't, I'm, she'd, we'll, you're, they've.
ENGLISH_ENDINGS = frozenset(("s", "t", "m", "d", "ll", "re", "ve"))
# Elided articles and prepositions that stand before a number: l'8 marzo, dell'11 settembre.
BEFORE_NUMBERS = frozenset(("l", "d", "un", "all", "dall", "dell", "nell", "sull"))
# Italian elisions that end in s, and so look like an English plural possessive (friends' house).
ELIDED_S = frozenset(("cos", "qualcos", "dess", "mess", "press", "spess", "stess"))
VOWELS = frozenset("aeiouàèéìíòóùú")


def detokenize(tokens: Sequence[str]) -> str:
    """Joins words and single punctuation marks into readable text.

    Args:
        tokens: Words and marks, as a word-level tokenizer splits them.

    Example:
        >>> detokenize(["Un", "po", "'", "d", "'", "acqua", ",", "per", "favore", "!"])
        "Un po' d'acqua, per favore!"
    """
    pieces: list[str] = []
    quoted = False
    glued = True  # whether the last token takes no space after it
    for i, token in enumerate(tokens):
        if token == '"':
            left = quoted or i == len(tokens) - 1
            right = not quoted
            quoted = not quoted
        else:
            left, right = _sides(tokens, i)
        pieces.append(token if glued or left else " " + token)
        glued = right
    return "".join(pieces)


def _sides(tokens: Sequence[str], i: int) -> tuple[bool, bool]:
    """Whether token i takes no space before it, and none after it."""
    token = tokens[i]
    before = tokens[i - 1] if i else ""
    after = tokens[i + 1] if i + 1 < len(tokens) else ""
    if token in APOSTROPHES:
        return _apostrophe(before, after)
    if token in (".", ",", ":"):
        if before.isdigit() and after.isdigit():
            return True, _inside_number(before, token, after)
        return True, token == "." and _inside_abbreviation(tokens, i)
    if token in CLOSING:
        return True, False
    if token in OPENING:
        return False, True
    if token in JOINING:
        between = _is_word(before) and _is_word(after)
        return between, between
    if token in DASHES:
        between = before.isdigit() and after.isdigit()
        return between, between
    if token in ("$", "#"):  # $50, 50$, #1
        return not after[:1].isdigit() and before[-1:].isdigit(), after[:1].isdigit()
    return False, False


def _apostrophe(before: str, after: str) -> tuple[bool, bool]:
    """Whether an apostrophe belongs to the word before it, and whether to the one after it."""
    word, ending = before.lower(), after.lower()
    if not _is_word(word):
        return False, _is_word(after)  # 'Tis
    if not _is_word(after):
        return True, False  # un po'.
    if after[0].isdigit():  # l'8 marzo, but: gli anni '80
        return word in BEFORE_NUMBERS, True
    if word == "po":  # un po' d'acqua, though "d" ends English words
        return True, False
    if ending == "em":  # let 'em
        return False, True
    if ending in ENGLISH_ENDINGS or word == "o" or (word, ending) == ("ma", "am"):
        return True, True  # it's, o'clock, ma'am
    # Italian cuts the last vowel before a vowel (l'acqua, dov'è), and a syllable elsewhere (di').
    if word[-1] in VOWELS:
        return True, False
    possessive = word[-1] == "s" and len(word) > 2 and word not in ELIDED_S
    return True, not possessive  # my friends' house


def _inside_number(before: str, mark: str, after: str) -> bool:
    """Whether a mark between digits belongs to a number or a time: 3.5, 3,5, 10,000, 2:30."""
    if mark == ".":
        return True
    if mark == ":":
        return len(after) == 2
    return len(before) <= 3 and len(after) <= 3  # not: on July 20, 1969


def _inside_abbreviation(tokens: Sequence[str], i: int) -> bool:
    """Whether the full stop i stands within an abbreviation such as "a.m." or "U.S."."""
    if i == 0 or i + 2 >= len(tokens) or tokens[i + 2] != ".":
        return False
    before, after = tokens[i - 1], tokens[i + 1]
    letters = len(before) == len(after) == 1 and before.isalpha() and after.isalpha()
    return letters and before.isupper() == after.isupper()


def _is_word(token: str) -> bool:
    return token[:1].isalnum() or len(token) > 1
