"""A model that writes the entities of texts: the model, its tokenizer and its settings."""

from __future__ import annotations

from dataclasses import dataclass, field

from kerasft.tasks.seq2seq import Seq2SeqParts


@dataclass(frozen=True)
class EntityWriter(Seq2SeqParts):
    """A text-to-text model that writes the entities of texts, as `entity_format.py` says.

    Attributes:
        entity_types: The types of entity that there are.
    """

    entity_types: tuple[str, ...] = field(kw_only=True)
