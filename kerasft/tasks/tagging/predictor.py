"""Entities in texts."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.runtimes.runtime import Encodes
from kerasft.tasks.entities.results import Entities, FoundEntity, sentences_of
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.tagging.engine import TaggingEngine
from kerasft.tasks.tagging.tagger import TaggerFacts, TokenTagger
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.texts import cut_word_note, one_of_each_length


class EntityFinder(TaskPredictor[TokenTagger]):
    """Finds entities in texts.

    A text is split into words like the corpora. One that is too long to be read at once is read in
    windows that overlap, so that no text is cut, except in a word longer than a window.

    Args:
        opened: The folder.
        parts: What was read of it.
        encoder: The tagger on some runtime.
    """

    def __init__(self, opened: Opened, parts: TokenTagger, encoder: Encodes) -> None:
        self.parts = parts
        names = parts.labels.names
        self._engine = TaggingEngine(encoder, parts.tokenizer, names, parts.max_length)
        self.facts = TaggerFacts(
            types=tuple(tag[2:] for tag in names if tag.startswith("B-")),
            adapter=opened.manifest.has_adapter,
        )
        self.notes = {"cut": cut_word_note(parts.max_length)}
        self.warm_up_texts = one_of_each_length(parts.max_length) if encoder.compiles else ["a"]

    def predict(self, texts: Sequence[str]) -> list[Entities]:
        """See `TaskPredictor.predict`."""
        sentences = sentences_of(texts)
        found = self._engine.read([sentence.tokens for sentence in sentences])
        return [
            Entities(tuple(_entity(sentence, each.span, each.score) for each in spans), cut)
            for sentence, (spans, cut) in zip(sentences, found, strict=True)
        ]


def _entity(sentence: Sentence, span: Span, score: float) -> FoundEntity:
    entity = sentence.entity(span)
    return FoundEntity(entity.start, entity.end, sentence.mention(span), entity.type, score)
