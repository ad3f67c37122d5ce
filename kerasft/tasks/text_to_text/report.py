"""The `report/` folder of a run on several tasks by prefix: scores, pictures and all outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft import storage
from kerasft.data.rows import Rows
from kerasft.errors import DataError
from kerasft.evaluation.plots import plot_loss
from kerasft.evaluation.report_files import (
    METRICS,
    ReportFile,
    markdown_table,
    write_files,
    write_records,
)
from kerasft.evaluation.text_scores import signatures
from kerasft.folder.writing import Report
from kerasft.tasks.text_to_text.architecture_plot import plot_matrices

if TYPE_CHECKING:
    from kerasft.architectures import Seq2SeqModel

SAMPLES = 10


@dataclass(frozen=True)
class TaskOutputs:
    """What a model wrote for one task.

    Attributes:
        name: The task.
        prefix: What was put before each source.
        metric: How it is scored.
        scores: What `score_task` returned: the baseline first.
        held_out: The pairs that were done.
        outputs: In their order.
        validation_sha256: Hash of the held-out sources.
    """

    name: str
    prefix: str
    metric: str
    scores: Mapping[str, Mapping[str, float]]
    held_out: Rows
    outputs: Sequence[str]
    validation_sha256: str


def text_to_text_report(
    tasks: Sequence[TaskOutputs], history: Mapping[str, Any], *, model: Seq2SeqModel, **more: Any
) -> Report:
    """Returns the function that writes a report into a folder, for `adding_report`.

    A part that fails is left out; the function returns a sentence on each.

    Args:
        history: What `History.to_dict` said of the training.
        **more: Further entries of `metrics.json`.

    Raises:
        DataError: There is no task, or one has not one output a pair.

    Example:
        >>> write = text_to_text_report(tasks, history.to_dict(), model=model)
        >>> write(Path("report"))   # metrics.json, loss.png, architecture.png, samples.md,
        >>>                         # predictions.jsonl
    """
    if not tasks:
        raise DataError("there are no tasks to report")
    for task in tasks:
        if len(task.outputs) != len(task.held_out):
            raise DataError(
                f"{task.name!r} has {len(task.outputs)} outputs of {len(task.held_out)} pairs"
            )

    def write_metrics(path: Path) -> None:
        content = {
            "validation": {
                task.name: {
                    "metric": task.metric,
                    "rows": len(task.held_out),
                    "scores": {way: dict(row) for way, row in task.scores.items()},
                    "validation_sha256": task.validation_sha256,
                }
                for task in tasks
            },
            "signatures": {**signatures(), "ROUGE": "rouge-score, F1, stemmed"},
            **more,
            "history": dict(history),
        }
        storage.write_json(path, content)

    parts: list[ReportFile] = [
        (METRICS, write_metrics),
        ("predictions.jsonl", lambda path: write_records(path, _records(tasks))),
        ("samples.md", lambda path: path.write_text(_samples(tasks), encoding="utf-8")),
        ("loss.png", lambda path: plot_loss(dict(history), path)),
        ("architecture.png", lambda path: plot_matrices(model.arguments, (), path)),
    ]
    return lambda folder: write_files(folder, parts)


def _records(tasks: Sequence[TaskOutputs]) -> list[dict[str, str]]:
    """Task, source with its prefix, reference and output of each held-out pair."""
    return [
        {
            "task": task.name,
            "source": task.prefix + source,
            "reference": reference,
            "output": output,
        }
        for task in tasks
        for source, reference, output in zip(
            task.held_out["source"], task.held_out["target"], task.outputs, strict=True
        )
    ]


def _samples(tasks: Sequence[TaskOutputs]) -> str:
    """A page in Markdown of some pairs of each task, evenly spaced, right and wrong ones alike."""
    lines = ["# Sample outputs", ""]
    for task in tasks:
        rows = task.held_out.spread(SAMPLES)
        lines += [
            f"## {task.name}: `{task.prefix.strip()}`",
            "",
            f"{len(rows)} of the {len(task.held_out)} held-out pairs, evenly spaced "
            "(predictions.jsonl has all).",
            "",
            *markdown_table(
                ("source", "reference", "output"),
                [
                    (task.held_out["source"][row], task.held_out["target"][row], task.outputs[row])
                    for row in rows
                ],
            ),
            "",
        ]
    return "\n".join(lines)
