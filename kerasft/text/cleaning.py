"""Cleaning of texts before the tokenizer, the same in training and in every prediction."""

from __future__ import annotations

import dataclasses
import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from html.entities import html5
from typing import Any, Literal, get_args

from kerasft.errors import ConfigError, KerasftError

Redactions = Literal["keep", "mask", "remove"]

UNICODE_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# The steps are repeated until a text no longer changes; only a crafted text needs more rounds.
MOST_PASSES = 8

# Only what HTML knows is a tag: "<call is disconnected>" and "<name@mail.com>" are the writer's.
_ELEMENTS = (
    "a|abbr|address|article|aside|audio|b|bdi|bdo|big|blockquote|body|br|button|canvas|caption"
    "|center|cite|code|col|colgroup|dd|del|details|dfn|dialog|div|dl|dt|em|embed|fieldset"
    "|figcaption|figure|font|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|i"
    "|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|menu|meta|nav|noscript|object"
    "|ol|optgroup|option|p|param|picture|pre|q|s|samp|script|section|select|small|source|span"
    "|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead"
    "|time|title|tr|tt|u|ul|var|video|wbr"
)

_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_UNSEEN = re.compile(
    r"<(?:script|style)(?=[\s>]).*?</(?:script|style)\s*>", re.DOTALL | re.IGNORECASE
)
_UNSEEN_END = re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)
_TAG = re.compile(rf"<(?:!doctype|/?(?:{_ELEMENTS}))(?=[\s/>])[^>]*>", re.IGNORECASE)

# "&amp;amp;lt;" is what escaping thrice makes of "<": the ampersands are read as one.
_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MOST_ROUNDS = 4

# Two or three X count only where no letter is beside them: "TJMAXX" and "XXVII" are words.
_RUN = r"(?:X{4,}|x{4,}|(?<![A-Za-z])X{2,3}(?![A-Za-z]))"
_RUNS = re.compile(rf"{_RUN}(?:[\s/-]+{_RUN})*")
# XX/XX/XXXX, XX/XX/2023, XX/XX/23, XX/XX/202XXXX, XX/XX/, XX-XX; "<year>" is what some years are.
_DATE = re.compile(r"(?<!X)X{2,}([/-])XX(?!X)(?:\1(?:X{2,}|\d{1,4}X*|<?year>?)?)?")

# Each is one piece in the vocabulary of BERT.
NAME, DATE = "unnamed", "date"

# Whitespace stays; what else cannot be seen or is a mark of broken decoding becomes a space.
_CONTROL = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ufffc\ufffd]")
# These stand inside words, which must not fall apart. The joiners of emoji and Indic scripts stay.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_DECORATION = re.compile(r"[*=_~#|^+\\•●◦■□▪▫◆◇★☆·─━═│┃┄┈\-\u2013\u2014]{3,}")
_REPEATED = re.compile(r"([!?,;:])\1+")
_DOTS = re.compile(r"\.(?:\s*\.){3,}")


@dataclass(frozen=True)
class Cleaning:
    """The cleaning steps, in the order in which they are applied; by default none.

    Attributes:
        unicode_form: "NFC", "NFD", "NFKC", "NFKD", or "" to leave characters as they are.
        html: Whether to remove tags and decode entities; see `strip_html`.
        redactions: How to treat XXXX and XX/XX/2023; see `replace_redactions`.
        special_characters: Whether to remove control characters, lines of decoration and repeated
            punctuation; see `remove_invisible` and `shorten_runs`.
        lowercase: Whether to lower-case letters.
        collapse_whitespace: Whether each run of whitespace becomes one space, with none at the
            ends.

    Example:
        >>> Cleaning(lowercase=True, collapse_whitespace=True).apply("  Hello   World ")
        'hello world'
    """

    unicode_form: str = ""
    html: bool = False
    redactions: Redactions = "keep"
    special_characters: bool = False
    lowercase: bool = False
    collapse_whitespace: bool = False

    def __post_init__(self) -> None:
        if self.unicode_form not in ("", *UNICODE_FORMS):
            raise ConfigError(
                f"unicode_form is {self.unicode_form!r}, but must be empty or one of "
                f"{', '.join(UNICODE_FORMS)}"
            )
        if self.redactions not in get_args(Redactions):
            raise ConfigError(
                f"redactions is {self.redactions!r}, but must be one of "
                f"{', '.join(get_args(Redactions))}"
            )
        for name in ("html", "special_characters", "lowercase", "collapse_whitespace"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, but must be true or false")

    def apply(self, text: str) -> str:
        """Cleans a text; cleaning it again changes nothing."""
        if not (self.html or self.redactions != "keep" or self.special_characters):
            return self._pass(text)
        passes = 0
        # One step may bring together what another one looks for.
        while (cleaned := self._pass(text)) != text:
            passes += 1
            if passes > MOST_PASSES:
                cleaned = cleaned.replace("&", " ").replace("<", " ")
            text = cleaned
        return text

    def _pass(self, text: str) -> str:
        if self.unicode_form:
            text = unicodedata.normalize(self.unicode_form, text)  # type: ignore[arg-type]
        if self.special_characters:
            text = remove_invisible(text)
        if self.html:
            text = strip_html(text)
        text = replace_redactions(text, self.redactions)
        if self.special_characters:
            text = shorten_runs(text)
        if self.lowercase:
            text = text.lower()
        return " ".join(text.split()) if self.collapse_whitespace else text

    def to_dict(self) -> dict[str, Any]:
        """The active steps as JSON; {} for none."""
        taken = ((f.name, getattr(self, f.name), f.default) for f in dataclasses.fields(self))
        return {name: value for name, value, default in taken if value != default}

    @classmethod
    def from_dict(
        cls, values: Mapping[str, Any], error: type[KerasftError] = ConfigError
    ) -> Cleaning:
        """Reads what `to_dict` wrote.

        Raises:
            KerasftError: Of the class `error`: an unknown step, or a value of the wrong type.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in values if name not in known]
        if unknown:
            raise error(
                f"unknown preprocessing step {unknown[0]!r}; the known ones are {', '.join(known)}"
            )
        try:
            return cls(**values)
        except ConfigError as problem:
            raise error(str(problem)) from None


def strip_html(text: str) -> str:
    r"""Removes the HTML from a text; each tag leaves a space.

    Comments go, and scripts and styles with their content. Entities count only with their semicolon
    ("AT&T" and "a&copy=1" stay). A second call changes nothing, and the time is linear in the
    length of any text.

    Example:
        >>> strip_html("I paid &#36;50&nbsp;<b>twice</b>.<br/>Johnson &amp; Sons")
        'I paid $50\xa0 twice .  Johnson & Sons'
    """
    if "&" in text:
        text = _unescape(text)
    if "<" not in text:
        return text
    text = _cut(_COMMENT, text, text.rfind("-->") + len("-->"))
    text = _cut(_UNSEEN, text, max((m.end() for m in _UNSEEN_END.finditer(text)), default=0))
    return _cut(_TAG, text, text.rfind(">") + 1)


def _cut(pattern: re.Pattern[str], text: str, end: int) -> str:
    """Replaces matches by spaces before `end`, where the last match could end.

    Beyond it, each opening would be searched without success up to the end of the text: quadratic
    time.
    """
    return pattern.sub(" ", text[:end]) + text[end:] if end > 0 else text


def _unescape(text: str) -> str:
    for _ in range(_MOST_ROUNDS):
        decoded = _ENTITY.sub(_character, _AMPERSAND.sub("&", text))
        if decoded == text:
            return text
        text = decoded
    # Nobody writes entities nested so deeply, but a server may be sent them.
    return text.replace("&", " ")


def _character(entity: re.Match[str]) -> str:
    name = entity[0]
    # html.unescape would also take the beginning of a name that it does not know ("&notice;").
    return html.unescape(name) if name[1] == "#" or name[1:] in html5 else name


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
