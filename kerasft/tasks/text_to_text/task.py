"""Writing a text for a text, as its prefix asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.folder.opened import Opened
from kerasft.tasks.seq2seq import Seq2SeqTask
from kerasft.tasks.task import BEAM_SIZE, Option, TaskPredictor
from kerasft.tasks.text_to_text.results import TextWriterFacts, WrittenText
from kerasft.tasks.text_to_text.writer import TextWriter

if TYPE_CHECKING:
    from kerasft.runtimes.gate import GateRows


class TextToTextTask(Seq2SeqTask[TextWriter]):
    """A text for a text; the prefix of a text says which of several tasks is to be done."""

    name = "text_to_text"
    parts = TextWriter
    options = (
        BEAM_SIZE,
        Option("task", str, "text-to-text models: put the prefix of this task before each text"),
    )
    result = WrittenText
    facts = TextWriterFacts
    summary = "Write a text for each text"
    description = "Writes an output for each text; the text's prefix says what is to be done."
    example = ("summarize: The airport was closed all day.", "classify: Shares fell again.")

    def gate_rows(
        self, folder: Path, parts: TextWriter, data: str | None, columns: Mapping[str, str]
    ) -> GateRows:
        """See `Task.gate_rows`."""
        from kerasft.tasks.text_to_text.gate import gate_rows

        return gate_rows(folder, parts.tasks, data)

    def open(
        self, opened: Opened, beam_size: int | None = None, task: str | None = None, **options: Any
    ) -> TaskPredictor[Any]:
        """See `Task.open`."""
        from kerasft.tasks.text_to_text.predictor import WritingPredictor, prefix_of

        prefix = prefix_of(opened, task)
        return WritingPredictor(opened, *self.load_generator(opened, beam_size), task, prefix)
