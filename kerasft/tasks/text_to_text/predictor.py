"""Texts for texts: what a model of several tasks writes, the task chosen by a prefix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kerasft.errors import ConfigError
from kerasft.folder.opened import Opened
from kerasft.tasks.columns import TEXT_WIDTH, Columns, beginning, cell, printable
from kerasft.tasks.task import TaskPredictor
from kerasft.tasks.text_to_text.task import SavedTask, TextWriter
from kerasft.tasks.text_writers import open_text_writer
from kerasft.tasks.texts import cut_note, warm_up_texts
from kerasft.text.tokenizer import check_text

if TYPE_CHECKING:
    from kerasft.tasks.text_to_text.engine import Output


@dataclass(frozen=True)
class WrittenText:
    """What the model makes of one text.

    Attributes:
        output: The best output that the search found.
        task: The name of the task that the text's prefix asks for; "" for a prefix that the model
            was not trained on.
        warning: A sentence on such a prefix, else "".
        score: The sum of the log-probabilities of the output's tokens: 0 is certainty.
        unknown_words: Words of the text that the model cannot read, each once.
        cut: Whether the text was longer than the model reads, so that its end was not seen.
        truncated: Whether the output reached the most tokens it may have, and was stopped.
    """

    output: str
    task: str
    warning: str
    score: float
    unknown_words: tuple[str, ...]
    cut: bool
    truncated: bool


class WritingPredictor(TaskPredictor[TextWriter]):
    """Writes a text for a text.

    Args:
        opened: The folder.
        beam_size: Hypotheses that are followed at a time, 1 is greedy search; if not given, as the
            folder says.
        task: The name of one of the tasks: its prefix is put before texts that do not begin with
            it. If not given, texts come with their prefixes.

    Raises:
        ConfigError: The beam size is out of range, or there is no such task.
    """

    def __init__(
        self, opened: Opened, beam_size: int | None = None, task: str | None = None
    ) -> None:
        known = {each["name"]: each["prefix"] for each in opened.manifest.settings["tasks"]}
        if task is not None and task not in known:
            raise ConfigError(f"{opened} has no task {task!r}; its tasks are {', '.join(known)}")
        self._prefix = known[task] if task is not None else ""
        self._engine = open_text_writer(opened, beam_size=beam_size)
        self.parts = parts = self._engine.parts
        self.facts = {
            "tasks": [asdict(each) for each in parts.tasks],
            "default_task": task or "",
            "beam_size": parts.beam_size if beam_size is None else beam_size,
            "max_target_length": parts.max_target_length,
            "adapter": opened.manifest.has_adapter,
        }
        self.columns: Columns = WrittenColumns()
        self._known = ", ".join(map(repr, dict.fromkeys(known.values())))
        self.notes = {
            "warning": f"texts begin with no prefix that the model was trained on ({self._known}).",
            "unknown_words": "texts have words that the model cannot read.",
            "cut": cut_note(parts.max_length),
            "truncated": "outputs were stopped before their end, at the most tokens.",
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
        task = task_of(text, self.parts.tasks)
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


def task_of(text: str, tasks: Sequence[SavedTask]) -> SavedTask | None:
    """The task that a text's prefix asks for, of several that fit the one of the longest prefix.

    Args:
        text: A text with its prefix.
        tasks: The tasks that there are.
    """
    fitting = [task for task in tasks if begins_with(text, task.prefix)]
    return max(fitting, key=lambda task: len(task.prefix), default=None)


def begins_with(text: str, prefix: str) -> bool:
    """Whether a text begins with a prefix; runs of white space count as one space, as in T5."""
    start = " ".join(prefix.split()) + (" " if prefix[-1:].isspace() else "")
    return (" ".join(text.split()) + " ").startswith(start if prefix.strip() else "")


class WrittenColumns:
    """Outputs in tables and files; see `kerasft.tasks.columns.Columns`.

    In a file: text, output, task, warning, score, unknown_words (with spaces between), cut,
    truncated. On the screen: the score, the beginning of the text, the whole output.
    """

    file_heads: Sequence[str] = (
        *("text", "output", "task", "warning", "score", "unknown_words", "cut", "truncated"),
    )
    screen_heads: Sequence[str] = (f"{'score':>8}", f"{'text':<{TEXT_WIDTH}}", "output")

    def in_file(self, text: str, prediction: WrittenText) -> list[str]:
        """The cells of one row of a file."""
        return [
            *(text, prediction.output, prediction.task, prediction.warning),
            f"{prediction.score:.6f}",
            " ".join(prediction.unknown_words),
            *(cell(prediction.cut), cell(prediction.truncated)),
        ]

    def on_screen(self, text: str, prediction: WrittenText) -> list[str]:
        """The cells of one row on the screen."""
        start = f"{beginning(text):<{TEXT_WIDTH}}"
        return [f"{prediction.score:>8.3f}", start, printable(prediction.output)]
