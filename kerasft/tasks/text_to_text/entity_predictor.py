"""Entities in texts, as a text-to-text model writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kerasft.folder.opened import Opened
from kerasft.tasks.columns import Columns
from kerasft.tasks.tagging.predictor import Entities, EntityColumns, FoundEntity, sentences_of
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_to_text.task import EntityWriter
from kerasft.tasks.text_writers import open_entity_writer
from kerasft.tasks.texts import cut_word_note, warm_up_texts


@dataclass(frozen=True)
class WrittenEntities(Entities):
    """What the model wrote of one text, and the entities in it.

    The score of an entity is the geometric mean of the probabilities of the tokens of the output in
    which it stands, so entities of one output have one score.

    Attributes:
        output: What the model wrote; of a text that is read in parts, their outputs joined by
            " | ".
        unreadable: The pieces of the output that name no entity of the text.
        truncated: Whether an output was stopped at the most tokens that it may have.
    """

    output: str
    unreadable: tuple[str, ...]
    truncated: bool


class WrittenEntityFinder(TaskPredictor[EntityWriter]):
    """Writes the entities of texts.

    The model's prefix is put before each text. A text that is too long to be read at once is read
    in parts that stand end to end, cut at ends of sentences where there are some; a word that is
    longer than a part is cut.

    Args:
        opened: The folder.
        beam_size: Hypotheses that are followed at a time; if not given, as the folder says.

    Raises:
        ConfigError: The beam size is out of range.
    """

    def __init__(self, opened: Opened, beam_size: int | None = None) -> None:
        self._engine, self.parts = open_entity_writer(opened, beam_size=beam_size)
        parts = self.parts
        self.facts = {
            "types": list(parts.entity_types),
            "prefix": parts.tasks[0].prefix,
            "beam_size": parts.beam_size if beam_size is None else beam_size,
            "max_target_length": parts.max_target_length,
            "adapter": opened.manifest.has_adapter,
        }
        self.columns: Columns = WrittenEntityColumns()
        self.notes = {
            "unreadable": "outputs have pieces that name no entity of their text.",
            "cut": cut_word_note(parts.max_length),
            "truncated": "outputs were stopped before their end, at the most tokens.",
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


class WrittenEntityColumns(EntityColumns):
    """Written entities in tables and files; see `kerasft.tasks.columns.Columns`.

    In a file: text, entities, as JSON, cut, and what the model wrote. On the screen as other
    entities.
    """

    file_heads: Sequence[str] = (*EntityColumns.file_heads, "output")

    def in_file(self, text: str, prediction: Entities) -> list[str]:
        """The cells of one row of a file."""
        written = prediction.output if isinstance(prediction, WrittenEntities) else ""
        return [*super().in_file(text, prediction), written]
