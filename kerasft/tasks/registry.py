"""The tasks that a saved folder can be of: a line each."""

from __future__ import annotations

from typing import Any

from kerasft.tasks.classification.task import Classification
from kerasft.tasks.tagging.task import Tagging
from kerasft.tasks.task import Task
from kerasft.tasks.text_to_text.task import TextToEntities, TextToText
from kerasft.tasks.translation.task import Translation

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (Classification(), Tagging(), Translation(), TextToText(), TextToEntities())
}
"""By the `task` of the manifest."""

OPTIONS: dict[str, tuple[type, str]] = {
    "beam_size": (int, "of what writes texts: hypotheses followed at a time; 1 is greedy (4)"),
    "task": (str, "of a model of several tasks: put the prefix of this one before each text"),
    "engine": (
        str,
        "what computes: keras (the default); or, for classifiers, onnx or onnx-int8; or, for what "
        "writes texts, ctranslate2 or ctranslate2-int8",
    ),
}
"""Options of single tasks on the command lines of predict and serve: type and help."""


def task_of(parts: Any) -> Task[Any]:
    """The task that parts are of."""
    return next(task for task in TASKS.values() if task.parts is type(parts))
