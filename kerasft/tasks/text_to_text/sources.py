"""Tasks of a text-to-text model: where their pairs come from, and the prefix that names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kerasft.data.pair_dataset import PairDataset, check_share, split_pairs
from kerasft.data.pairs import read_pairs
from kerasft.data.readers import read_rows
from kerasft.data.rows import Field, Rows
from kerasft.errors import ConfigError, DataError

Metric = Literal["exact", "rouge", "bleu"]


@dataclass(frozen=True)
class PrefixedTask:
    """One task, as a YAML list names it.

    Args:
        name: Its name, for people.
        data: FILE.tsv of source TAB target, or hub:NAME; with `input` and `target` any file or
            hub data set of columns (csv, tsv, jsonl, parquet, zip); `sample:NAME` is one of
            kerasft's own.
        prefix: What is put before each source, so that the model knows the task.
        input: The column of the sources.
        target: The column of the targets.
        weight: How often the task's rows come, beside their number.
        metric: `exact` (accuracy and macro-F1), `rouge` or `bleu`.

    Example:
        >>> PrefixedTask("news", "news.csv", "summarize: ", "article", "summary", metric="rouge")
    """

    name: str
    data: str
    prefix: str
    input: str | None = None
    target: str | None = None
    weight: float = 1.0
    metric: Metric = "exact"


@dataclass(frozen=True)
class TaskData:
    """A task and its pairs, whose sources are without the prefix.

    Attributes:
        pairs: To train and to validate on; no source is on both sides.
    """

    task: PrefixedTask
    pairs: PairDataset

    def prefixed(self, pairs: Rows) -> list[str]:
        """The sources of some of its pairs, as the model reads them."""
        return [self.task.prefix + source for source in pairs["source"]]

    def describe(self) -> list[str]:
        """Where the pairs come from and what was left out, one sentence each."""
        return [f"{self.task.name}: {line}" for line in self.pairs.describe()]


def load_tasks(tasks: Sequence[PrefixedTask], *, validation: float, seed: int) -> list[TaskData]:
    """Reads the pairs of each task and splits them by a hash of the source (see `load_pairs`).

    The side of a source depends on it alone, so one that several tasks have is on the same side in
    all of them.

    Args:
        validation: Share of each task's sources to validate on, above 0 and below 1.
        seed: Another seed gives another split.

    Raises:
        ConfigError: There is no task, a name is blank or taken twice, a weight is not above 0, one
            of `input` and `target` is named without the other, or the share is impossible.
        DataError: The pairs cannot be read, or one side of a split is empty; the message begins
            with the task's name.

    Example:
        >>> task = PrefixedTask("it", "sample:translations", "to Italian: ", metric="bleu")
        >>> data = load_tasks([task], validation=0.1, seed=0)
        >>> data[0].prefixed(data[0].pairs.train)[0]
        'to Italian: Good morning!'
    """
    check_share(validation)
    _check(tasks)
    loaded = []
    for task in tasks:
        try:
            pairs = split_pairs(_read(task), validation, seed)
        except DataError as problem:
            raise DataError(f"the task {task.name!r}: {problem}") from None
        loaded.append(TaskData(task, pairs))
    return loaded


def shared_prefixes(tasks: Sequence[PrefixedTask]) -> list[str]:
    """A sentence on each prefix that several tasks have: to the model they are one task.

    Example:
        >>> news, talks = (PrefixedTask(name, f"{name}.csv", "sum: ") for name in ("news", "talks"))
        >>> shared_prefixes([news, talks])
        ["the tasks 'news' and 'talks' have the same prefix 'sum:', so to the model they are ..."]
    """
    names: dict[str, list[str]] = {}
    for task in tasks:
        # Whitespace as a T5 reads it.
        names.setdefault(" ".join(task.prefix.split()), []).append(repr(task.name))
    return [
        f"the tasks {', '.join(several[:-1])} and {several[-1]} have the same prefix {prefix!r}, "
        "so to the model they are one task"
        for prefix, several in names.items()
        if len(several) > 1
    ]


def _check(tasks: Sequence[PrefixedTask]) -> None:
    if not tasks:
        raise ConfigError("there is no task; name one or more in --tasks")
    names = [task.name for task in tasks]
    for task in tasks:
        if not task.name.strip() or names.count(task.name) > 1:
            raise ConfigError(f"the task {task.name!r} must have a unique name")
        if not 0 < task.weight < float("inf"):  # also if it is NaN
            raise ConfigError(f"the task {task.name!r} has the weight {task.weight}; make it > 0")
        if (task.input is None) != (task.target is None):
            raise ConfigError(
                f"the task {task.name!r} names one of the columns input and target; name both, or "
                "none for a file of source TAB target"
            )


def _read(task: PrefixedTask) -> Rows:
    if task.input is None or task.target is None:
        return read_pairs(task.data)
    fields = [
        Field("source", task.input, "text", "name it in 'input'", blank="drop"),
        Field(
            "target",
            task.target,
            "class" if task.metric == "exact" else "line",
            "name it in 'target'",
        ),
    ]
    rows = read_rows(task.data, fields)
    return rows.replaced(source=[text.strip() for text in rows["source"]])
