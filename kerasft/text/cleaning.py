"""What is done to a text before the tokenizer: in training, and again in every prediction."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kerasft.errors import ConfigError, KerasftError

UNICODE_FORMS = ("NFC", "NFD", "NFKC", "NFKD")


@dataclass(frozen=True)
class Cleaning:
    """The steps, in the order in which they are applied; by default none.

    Attributes:
        unicode_form: "NFC", "NFD", "NFKC", "NFKD", or "" to leave characters as they are.
        lowercase: Whether letters become lower case.
        collapse_whitespace: Whether each run of white space becomes one space, and none stays at
            the ends.

    Example:
        >>> Cleaning(lowercase=True, collapse_whitespace=True).apply("  Hello   World ")
        'hello world'
    """

    unicode_form: str = ""
    lowercase: bool = False
    collapse_whitespace: bool = False

    def __post_init__(self) -> None:
        if self.unicode_form not in ("", *UNICODE_FORMS):
            raise ConfigError(
                f"unicode_form is {self.unicode_form!r}, but must be empty or one of "
                f"{', '.join(UNICODE_FORMS)}"
            )
        for name in ("lowercase", "collapse_whitespace"):
            if type(getattr(self, name)) is not bool:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, but must be true or false")

    def apply(self, text: str) -> str:
        """The cleaned text."""
        if self.unicode_form:
            text = unicodedata.normalize(self.unicode_form, text)  # type: ignore[arg-type]
        if self.lowercase:
            text = text.lower()
        return " ".join(text.split()) if self.collapse_whitespace else text

    def to_dict(self) -> dict[str, Any]:
        """The steps that are taken, as JSON can hold them; {} for none."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value}

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
