"""The tasks that a saved folder can be of: a line each."""

from __future__ import annotations

from typing import Any

from kerasft.tasks.classification.task import ClassificationTask
from kerasft.tasks.multi_label.task import MultiLabelTask
from kerasft.tasks.regression.task import RegressionTask
from kerasft.tasks.tagging.task import TaggingTask
from kerasft.tasks.task import Option, Task
from kerasft.tasks.text_to_entities.task import TextToEntitiesTask
from kerasft.tasks.text_to_text.task import TextToTextTask
from kerasft.tasks.translation.task import TranslationTask

TASKS: dict[str, Task[Any]] = {
    task.name: task
    for task in (
        ClassificationTask(),
        MultiLabelTask(),
        RegressionTask(),
        TaggingTask(),
        TranslationTask(),
        TextToTextTask(),
        TextToEntitiesTask(),
    )
}
"""By the `task` of the manifest."""

OPTIONS: dict[str, Option] = {
    option.name: option
    for option in (
        *(option for task in TASKS.values() for option in task.options),
        Option(
            "engine",
            str,
            "what computes: keras, onnx, onnx-int8, ctranslate2, ctranslate2-int8, or auto: the "
            "folder's float32 export if it has one, else keras (auto)",
        ),
    )
}
"""Options of predict and serve that not every folder takes."""


def task_of(parts: Any) -> Task[Any]:
    """The task that parts are of."""
    return next(task for task in TASKS.values() if task.parts is type(parts))
