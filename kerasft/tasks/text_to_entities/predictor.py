"""What a model writes of the entities of texts, and where in them they stand."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.folder.opened import Opened
from kerasft.generation.hypotheses import Generates
from kerasft.tasks.entities.results import FoundEntity, sentences_of
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_to_entities.engine import EntityTextEngine
from kerasft.tasks.text_to_entities.results import EntityWriterFacts, WrittenEntities
from kerasft.tasks.text_to_entities.tokens import EntityTokens
from kerasft.tasks.text_to_entities.writer import EntityWriter
from kerasft.tasks.texts import cut_word_note, warm_up_texts


class WrittenEntityFinder(TaskPredictor[EntityWriter]):
    """Writes the entities of texts.

    The model's prefix is put before each text. A text that is too long to be read at once is read
    in windows one after the other, cut at ends of sentences where possible; a word longer than a
    window is cut.

    Args:
        opened: The folder.
        parts: What was read of it.
        generator: What searches, on some runtime.
        beam_size: Hypotheses that it follows at a time.
    """

    def __init__(
        self, opened: Opened, parts: EntityWriter, generator: Generates, beam_size: int
    ) -> None:
        self.parts = parts
        tokens = EntityTokens(
            parts.tokenizer,
            parts.tasks[0].prefix,
            opened.manifest.arguments["start_id"],
            parts.max_length,
            parts.max_target_length,
        )
        self._engine = EntityTextEngine(generator, tokens, parts.entity_types)
        self.facts = EntityWriterFacts(
            types=parts.entity_types,
            prefix=parts.tasks[0].prefix,
            beam_size=beam_size,
            max_target_length=parts.max_target_length,
            adapter=opened.manifest.has_adapter,
        )
        self.notes = {
            "unreadable": "outputs have pieces that name no entity of their text.",
            "cut": cut_word_note(parts.max_length),
            "truncated": "outputs were stopped at their largest length.",
        }
        self.warm_up_texts = warm_up_texts(parts.max_length, opened.engine)

    def predict(self, texts: Sequence[str]) -> list[WrittenEntities]:
        """See `TaskPredictor.predict`."""
        sentences = sentences_of(texts)
        found = []
        for sentence, written in zip(sentences, self._engine.read(sentences), strict=True):
            entities = tuple(
                FoundEntity(
                    each.start, each.end, sentence.text[each.start : each.end], each.type, score
                )
                for each, score in zip(written.entities, written.scores, strict=True)
            )
            unreadable = tuple(f"{each.piece} ({each.reason})" for each in written.problems)
            output = " | ".join(written.outputs)
            found.append(
                WrittenEntities(entities, written.cut, output, unreadable, written.truncated)
            )
        return found
