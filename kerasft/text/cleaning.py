"""Cleaning of texts before the tokenizer, the same in training and in every prediction."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from kerasft.errors import ConfigError, KerasftError
from kerasft.text.markup import strip_html
from kerasft.text.redactions import Redactions, replace_redactions
from kerasft.text.special_characters import remove_invisible, shorten_runs

UNICODE_FORMS = ("NFC", "NFD", "NFKC", "NFKD")
# The steps are repeated until a text no longer changes; only a crafted text needs more rounds.
MOST_PASSES = 8


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
