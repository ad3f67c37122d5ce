"""What a text-to-text model writes, as a prefix asks for."""

from __future__ import annotations

from collections.abc import Sequence

from kerasft.errors import ConfigError
from kerasft.folder.opened import Opened
from kerasft.generation.hypotheses import Generates
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_engine import Output, TextEngine
from kerasft.tasks.text_to_text.results import TextWriterFacts, WrittenText
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.tasks.texts import cut_note, warm_up_texts
from kerasft.text.encodings import check_text


class WritingPredictor(TaskPredictor[TextWriter]):
    """Writes a text for a text.

    Args:
        opened: The folder.
        parts: What was read of it.
        generator: What searches, on some runtime.
        beam_size: Hypotheses that it follows at a time.
        task: The name of one of the tasks: its prefix is put before texts that do not begin with
            it. If None, texts come with their prefixes.
        prefix: The prefix of that task; "" without one.
    """

    def __init__(
        self,
        opened: Opened,
        parts: TextWriter,
        generator: Generates,
        beam_size: int,
        task: str | None,
        prefix: str,
    ) -> None:
        self.parts, self._prefix = parts, prefix
        self._engine = TextEngine(parts.tokenizer, parts.tokenizer, parts.max_length, generator)
        self.facts = TextWriterFacts(
            tasks=parts.tasks,
            default_task=task or "",
            beam_size=beam_size,
            max_target_length=parts.max_target_length,
            adapter=opened.manifest.has_adapter,
        )
        self._known = ", ".join(map(repr, dict.fromkeys(each.prefix for each in parts.tasks)))
        self.notes = {
            "warning": f"texts begin with no prefix that the model was trained on ({self._known}).",
            "unknown_words": "texts have words that the model cannot read.",
            "cut": cut_note(parts.max_length),
            "truncated": "outputs were stopped at their largest length.",
        }
        self.warm_up_texts = warm_up_texts(parts.max_length, opened.engine)

    def predict(self, texts: Sequence[str]) -> list[WrittenText]:
        """See `TaskPredictor.predict`."""
        whole = []
        for row, text in enumerate(texts):
            check_text(text, row)
            whole.append(text if begins_with(text, self._prefix) else self._prefix + text)
        return [
            self._written(text, found)
            for text, found in zip(whole, self._engine.write(whole), strict=True)
        ]

    def _written(self, text: str, found: Output) -> WrittenText:
        task = asked_task(text, self.parts.tasks)
        warning = ""
        if task is None:
            warning = (
                "The text begins with no prefix that the model was trained on "
                f"({self._known}), so its output may mean nothing."
            )
        name = task.name if task else ""
        return WrittenText(
            *(found.text, name, warning, found.score),
            *(found.unknown_words, found.cut, found.truncated),
        )


def prefix_of(opened: Opened, task: str | None) -> str:
    """The prefix of one of a folder's tasks; "" for None.

    Raises:
        ConfigError: There is no such task.
    """
    known = {each["name"]: each["prefix"] for each in opened.manifest.settings["tasks"]}
    if task is not None and task not in known:
        raise ConfigError(f"{opened} has no task {task!r}; its tasks are {', '.join(known)}")
    return known[task] if task is not None else ""


def asked_task(text: str, tasks: Sequence[SavedTask]) -> SavedTask | None:
    """The task that a text's prefix asks for, of several that fit the one of the longest prefix.

    Args:
        text: A text with its prefix.
        tasks: The tasks that there are.
    """
    fitting = [task for task in tasks if begins_with(text, task.prefix)]
    return max(fitting, key=lambda task: len(task.prefix), default=None)


def begins_with(text: str, prefix: str) -> bool:
    """Whether a text begins with a prefix; runs of whitespace count as one space, as in T5."""
    start = " ".join(prefix.split()) + (" " if prefix[-1:].isspace() else "")
    return (" ".join(text.split()) + " ").startswith(start if prefix.strip() else "")
