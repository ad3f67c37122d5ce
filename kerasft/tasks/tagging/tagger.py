"""A tagger of tokens: the model, and all that stands around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerasft.architectures import Tagger
    from kerasft.text.labels import LabelMap
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TokenTagger:
    """A tagger of tokens, which finds entities.

    Attributes:
        model: The tagger, with its adapters on it (unmerged) if it has any.
        labels: The names of its BIO tags, as `tag_names` gives them.
        max_length: Tokens that are read at once.

    Example:
        >>> tagger = TokenTagger(model, tokenizer, LabelMap(tag_names(["LOC", "PER"])), 128)
    """

    model: Tagger
    tokenizer: Tokenizer
    labels: LabelMap
    max_length: int
