"""A translator: the model, its tokenizers, and what is done to a text before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kerasft.text.cleaning import Cleaning

if TYPE_CHECKING:
    from kerasft.architectures import Transformer
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Translator:
    """A model that translates texts.

    Attributes:
        source_tokenizer: The tokenizer of the language that is translated.
        target_tokenizer: The tokenizer of the language that comes out.
        languages: {"source": "en", "target": "it"}, as the data calls them.
        max_length: Tokens that a text is cut at.
        cleaning: What is done to each text before the tokenizer.

    Example:
        >>> translator = Translator(
        ...     model, english, italian, {"source": "en", "target": "it"}, max_length=48
        ... )
    """

    model: Transformer
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    languages: Mapping[str, str]
    max_length: int
    cleaning: Cleaning = field(default_factory=Cleaning)
