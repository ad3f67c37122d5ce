"""A text-to-text model: the model, its tokenizer and its settings."""

from __future__ import annotations

from dataclasses import dataclass

from kerasft.tasks.seq2seq import Seq2SeqParts


@dataclass(frozen=True)
class TextWriter(Seq2SeqParts):
    """A text-to-text model; the prefix of a text says which of its tasks is to be done.

    Example:
        >>> tasks = (SavedTask("summaries", "summarize: ", "rouge"),)
        >>> writer = TextWriter(model, tokenizer, tasks, max_length=256, max_target_length=64)
    """
