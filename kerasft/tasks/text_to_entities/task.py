"""Writing the entities of texts: what is saved of such a model besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import ConfigError, FolderError
from kerasft.folder.contents import Reader, short
from kerasft.folder.opened import Opened
from kerasft.tasks.seq2seq import MAX_NAME, Seq2SeqTask
from kerasft.tasks.task import BEAM_SIZE, TaskPredictor
from kerasft.tasks.text_to_entities.results import EntityWriterFacts, WrittenEntities
from kerasft.tasks.text_to_entities.writer import EntityWriter

if TYPE_CHECKING:
    from kerasft.runtimes.gate import GateRows


class TextToEntitiesTask(Seq2SeqTask[EntityWriter]):
    """The entities of a text, which the model writes."""

    name = "text_to_entities"
    parts = EntityWriter
    settings = (*Seq2SeqTask.settings, "entity_types")
    options = (BEAM_SIZE,)
    result = WrittenEntities
    facts = EntityWriterFacts
    summary = "Find the entities of texts"
    description = "Writes the named entities of each text, and finds their places in it."
    example = ("Ann Lee flew from Rome to Oslo.", "It rained.")

    def check(self, parts: EntityWriter) -> None:
        """See `Task.check`."""
        super().check(parts)
        if wrong := _wrong_types(parts.entity_types):
            raise ConfigError(wrong)

    def settings_of(self, parts: EntityWriter) -> dict[str, Any]:
        """See `Task.settings_of`."""
        return {**super().settings_of(parts), "entity_types": list(parts.entity_types)}

    def check_settings(self, settings: Reader) -> None:
        """See `Task.check_settings`."""
        super().check_settings(settings)
        if wrong := _wrong_types(settings.get("entity_types", list)):
            raise FolderError(f"{settings.file}: {wrong}.")

    def gate_rows(
        self, folder: Path, parts: EntityWriter, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`."""
        from kerasft.tasks.entities.gate import entity_rows

        return entity_rows(folder, data)

    def open(
        self, opened: Opened, beam_size: int | None = None, **options: Any
    ) -> TaskPredictor[Any]:
        """See `Task.open`."""
        from kerasft.tasks.text_to_entities.predictor import WrittenEntityFinder

        return WrittenEntityFinder(opened, *self.load_generator(opened, beam_size))


def _wrong_types(types: Sequence[object]) -> str:
    """What is wrong with types of entity, or nothing."""
    if not types:
        return "entity_types is [], but must name one type or more"
    for kind in types:
        if not (isinstance(kind, str) and kind.strip() and len(kind) <= MAX_NAME):
            return f"entity_types holds {short(kind)}, which is no name of 1 to {MAX_NAME} letters"
    return ""
