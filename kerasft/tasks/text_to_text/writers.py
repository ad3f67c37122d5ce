"""Text-to-text models: the model, and all that stands around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kerasft.architectures import Seq2SeqModel
    from kerasft.tasks.text_to_text.results import SavedTask
    from kerasft.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class TextWriter:
    """A text-to-text model.

    Attributes:
        model: The model, with its adapters on it (unmerged) if it has any.
        tokenizer: Of both sides.
        tasks: What it was trained on, with the prefix of each.
        max_length: Tokens that a source is cut at, the prefix and the end token included.
        max_target_length: Most tokens of an output, the end token included.
        beam_size: Hypotheses followed at a time, unless one asks for another number; 1 is greedy.

    Example:
        >>> tasks = (SavedTask("summaries", "summarize: ", "rouge"),)
        >>> writer = TextWriter(model, tokenizer, tasks, max_length=256, max_target_length=64)
    """

    model: Seq2SeqModel
    tokenizer: Tokenizer
    tasks: tuple[SavedTask, ...]
    max_length: int
    max_target_length: int
    beam_size: int = 4


@dataclass(frozen=True)
class EntityWriter(TextWriter):
    """A text-to-text model that writes the entities of texts, as `entity_format.py` says.

    Attributes:
        entity_types: The types of entity that there are.
    """

    entity_types: tuple[str, ...] = field(kw_only=True)
