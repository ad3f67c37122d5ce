"""A tagger of tokens: the model, what stands around it, and the facts about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerasft.tasks.columns import said

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


@dataclass(frozen=True)
class TaggerFacts:
    """The facts about a tagger, for its metadata."""

    types: tuple[str, ...] = said("The types of entity that the model finds.")
    adapter: bool = said("Whether the folder holds an adapter beside the base model.")
