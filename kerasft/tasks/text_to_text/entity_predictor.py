"""Entities in texts, as a text-to-text model writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerasft.errors import BundleError
from kerasft.folder.opened import Opened
from kerasft.runtimes.keras import KERAS
from kerasft.tasks.columns import Columns
from kerasft.tasks.tagging.predictor import Entities, EntityColumns, FoundEntity
from kerasft.tasks.text_writers import entity_text_engine, load_writer
from kerasft.tasks.texts import checked, cut_word_note, facts, warm_up_texts
from kerasft.text.entities import Sentence
from kerasft.text.tokenizer import check_text


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


class EntityWriter:
    """A loaded folder whose text-to-text model writes the entities of texts.

    The model's prefix is put before each text. A text that is too long to be read at once is read
    in parts that stand end to end, cut at ends of sentences where there are some; a word that is
    longer than a part is cut.

    Args:
        folder: The folder that `kerasft.tasks` wrote, whose outputs are
            entities.
        beam_size: Hypotheses that are followed at a time; if not given, as the folder says.
        engine: What computes: "keras", "ctranslate2" or "ctranslate2-int8"; see `open_translator`.

    Attributes:
        types: The types of entity that it finds.
        max_length: Tokens that are read at once, with the prefix.
        metadata: What `bundle.json` says: task, architecture, base model, types, versions, ...; and
            the beam size and the engine.
        notes: See `kerasft.tasks.registry.TextPredictor`, as for the next two.
        columns: See there.
        warm_up_texts: See there.

    Raises:
        BundleError: The folder is missing, broken, was changed, or its outputs are no entities.
        ConfigError: The beam size is out of range, the engine is unknown, or what it reads is
            missing and cannot be made.

    Example:
        >>> writer = EntityWriter("saved_models/t5_ner_lora")
        >>> writer.predict(["Ann Lee lives in Rome."])[0].entities[1]
        FoundEntity(start=17, end=21, text='Rome', type='LOC', score=0.94)
    """

    def __init__(
        self, folder: str | Path | Opened, beam_size: int | None = None, engine: str = KERAS
    ) -> None:
        bundle = load_writer(folder, engine)
        manifest = bundle.manifest
        if manifest.output_format != "entities":
            raise BundleError(f"{folder} writes texts, and not the entities of texts.")
        self.types: tuple[str, ...] = manifest.entity_types
        self.max_length: int = manifest.max_length
        beams = manifest.beam_size if beam_size is None else beam_size
        self._engine = entity_text_engine(bundle, beams)
        self.metadata: dict[str, Any] = {
            **facts(folder, manifest),
            "types": list(self.types),
            "prefix": manifest.tasks[0].prefix,
            "beam_size": beams,
            "max_target_length": manifest.max_target_length,
            "adapter": manifest.has_adapter,
            "engine": engine,
        }
        self.columns: Columns = WrittenEntityColumns()
        self.notes: Mapping[str, str] = {
            "unreadable": "outputs have pieces that name no entity of their text.",
            "cut": cut_word_note(self.max_length),
            "truncated": "outputs were stopped before their end, at the most tokens.",
        }
        self.warm_up_texts: Sequence[str] = warm_up_texts(self.max_length, engine)

    def predict(self, texts: Sequence[str]) -> list[WrittenEntities]:
        """Finds the entities of texts; one `WrittenEntities` each, in their order, none for none.

        Raises:
            DataError: A text is blank, is not a string, or is not Unicode; the sentence says which
                (counted from 0).
        """
        sentences = []
        for row, text in enumerate(checked(texts, "find")):
            check_text(text, row)
            sentences.append(Sentence.from_text(text))
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
