"""Whether an 8-bit model writes as well as the one that it was made of, on the user's own rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft.errors import BundleError, ConfigError, DataError
from kerasft.folder import contents
from kerasft.tasks.text_to_text.task import EntityWriter, TextWriter

if TYPE_CHECKING:
    from kerasft.tasks.translation.task import Translator
    from kerasft.text.entities import Entity, Sentence

MOST_LOST = 0.5
"""How much each score, all of them from 0 to 100, may fall: half a point."""
MOST_ROWS = 1000
SAMPLES, PREDICTIONS = "samples.jsonl", "predictions.jsonl"
"""Where a run keeps its rows: of texts, and of entities."""


@dataclass(frozen=True)
class GateTask:
    """The rows of one task that two models are compared on.

    Attributes:
        name: Of the task; "" where there is one only.
        metric: How it is scored, one of `contents.METRICS`.
        sources: What the models read: texts with their prefixes, or, for "entities", sentences.
        references: What is right: texts, or, for "entities", the entities of each sentence.
    """

    name: str
    metric: str
    sources: Sequence[str] | Sequence[Sentence]
    references: Sequence[str] | Sequence[Sequence[Entity]]


@dataclass(frozen=True)
class GateRows:
    """All rows that two models are compared on.

    Attributes:
        tasks: Of each task.
        source: What they are, for people: "held-out rows of the run".
    """

    tasks: Sequence[GateTask]
    source: str


@dataclass(frozen=True)
class TextGate:
    """Two models on the same rows.

    Attributes:
        rows: How many there are.
        source: See `GateRows`.
        beam_size: Hypotheses that were followed at a time.
        scores: Of the 8-bit model: name ("BLEU", "italian BLEU") -> 0 to 100.
        scores_float32: Of the one that it was made of.
        same_outputs: Share of the rows for which both write the same.
    """

    rows: int
    source: str
    beam_size: int
    scores: dict[str, float]
    scores_float32: dict[str, float]
    same_outputs: float

    @property
    def passed(self) -> bool:
        """Whether no score fell by more than half a point."""
        # A little more, so that a loss of exactly half a point is none of rounding.
        return all(
            exact - self.scores[name] <= MOST_LOST + 1e-9
            for name, exact in self.scores_float32.items()
        )

    def __str__(self) -> str:
        pairs = ", ".join(
            f"{name} {self.scores[name]:.2f} (float32 {exact:.2f})"
            for name, exact in self.scores_float32.items()
        )
        return f"{pairs}, the same output for {self.same_outputs:.1%} of {self.rows} {self.source}"


def gate_rows(folder: Path, parts: Translator | TextWriter, data: str | None = None) -> GateRows:
    """The rows that a folder's models are compared on: `data`, else those that the run kept.

    Args:
        folder: The saved folder, its hashes checked.
        parts: What was saved in it.
        data: FILE.tsv of source TAB target (a text-to-text model's sources with their prefixes),
            or, for entities, a file of columns; or None.

    Raises:
        DataError: `data` cannot be used.
        ConfigError: There is no `data`, and the folder keeps no rows.
        BundleError: The rows that the folder keeps are none.
    """
    if data is not None:
        tasks, source = _given(parts, data)
    else:
        name = PREDICTIONS if isinstance(parts, EntityWriter) else SAMPLES
        file = folder / contents.REPORT / name
        if not file.exists():
            raise ConfigError(
                f"{folder} keeps no rows to compare an 8-bit model on; give some with --gate_data "
                "FILE"
            )
        try:
            tasks = _kept(parts, file)
        except (KeyError, TypeError, ValueError, DataError) as error:
            raise BundleError(f"{file} does not hold rows as a run leaves them.") from error
        source = "held-out rows of the run"
    return GateRows(_fewer(tasks), source)


def compare(
    outputs: Sequence[Sequence[Any]],
    exact: Sequence[Sequence[Any]],
    rows: GateRows,
    beam_size: int,
) -> TextGate:
    """Scores what two models wrote for the same rows.

    Args:
        outputs: Of the 8-bit model, for each task and each of its rows: a text, or, for "entities",
            a sequence of `Entity`.
        exact: Of the one that it was made of.
        rows: The rows.
        beam_size: Hypotheses that both followed at a time.

    Example:
        >>> compare([["Buongiorno."]], [["Buongiorno!"]], rows, beam_size=4).same_outputs
        0.0
    """
    pairs = [
        (one, other)
        for found, wanted in zip(outputs, exact, strict=True)
        for one, other in zip(found, wanted, strict=True)
    ]
    return TextGate(
        rows=len(pairs),
        source=rows.source,
        beam_size=beam_size,
        scores=dict(_scores(rows, outputs)),
        scores_float32=dict(_scores(rows, exact)),
        same_outputs=sum(one == other for one, other in pairs) / len(pairs),
    )


def _scores(rows: GateRows, outputs: Sequence[Sequence[Any]]) -> Iterator[tuple[str, float]]:
    from kerasft.tasks.text_to_text.scores import score_outputs

    for task, written in zip(rows.tasks, outputs, strict=True):
        references: Any = task.references
        if task.metric == "entities":
            scores = {"F1": _entity_f1(references, written)}
        else:
            scores = score_outputs(task.metric, written, references)
        if task.metric == "exact":
            scores = {name: 100 * value for name, value in scores.items()}
        for name, value in scores.items():
            yield f"{task.name} {name}".strip(), round(float(value), 4)


def _entity_f1(wanted: Sequence[Sequence[Any]], found: Sequence[Sequence[Any]]) -> float:
    """F1 over all sentences' entities, 0 to 100; right are those of the right place and type."""
    right = sum(len(set(one) & set(other)) for one, other in zip(wanted, found, strict=True))
    both = sum(len(set(entities)) for side in (wanted, found) for entities in side)
    return 200 * right / both if both else 100.0


def _given(parts: Translator | TextWriter, data: str) -> tuple[list[GateTask], str]:
    """The rows of a user's file."""
    if isinstance(parts, EntityWriter):
        from kerasft.data.conll import read_conll

        sentences = read_conll(data).sentences
        entities = [sentence.entities for sentence in sentences]
        return [GateTask("", "entities", sentences, entities)], f"rows of {data}"
    from kerasft.data.pairs import read_pairs

    pairs = read_pairs(data)
    if not isinstance(parts, TextWriter):
        return [GateTask("", "bleu", pairs.sources, pairs.targets)], f"rows of {data}"
    rows = []
    for source, target in zip(pairs.sources, pairs.targets, strict=True):
        fitting = [task for task in parts.tasks if source.startswith(task.prefix)]
        if not fitting:
            known = ", ".join(repr(task.prefix) for task in parts.tasks)
            raise DataError(
                f"{data} has the source {source[:60]!r}, which begins with no prefix of the model "
                f"({known})"
            )
        name = max(fitting, key=lambda task: len(task.prefix)).name
        rows.append({"task": name, "source": source, "reference": target})
    return _by_task(parts, rows), f"rows of {data}"


def _kept(parts: Translator | TextWriter, file: Path) -> list[GateTask]:
    """The rows that a run's report has; what is no such row raises any of several exceptions."""
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line]
    if not rows:
        raise ValueError("no rows")
    if isinstance(parts, EntityWriter):
        from kerasft.text.entities import Sentence

        sentences = [Sentence.from_text(row["text"]) for row in rows]
        return [GateTask("", "entities", sentences, [_entities(row) for row in rows])]
    for row in rows:
        if not (isinstance(row["source"], str) and isinstance(row["reference"], str)):
            raise TypeError("no texts")
    if isinstance(parts, TextWriter):
        return _by_task(parts, rows)
    return [GateTask("", "bleu", *_sides(rows))]


def _by_task(parts: TextWriter, rows: Sequence[Mapping[str, str]]) -> list[GateTask]:
    found = []
    for task in parts.tasks:
        own = [row for row in rows if row["task"] == task.name]
        if own:
            name = task.name if len(parts.tasks) > 1 else ""
            found.append(GateTask(name, task.metric, *_sides(own)))
    if not found:
        raise ValueError("no rows of the folder's tasks")
    return found


def _sides(rows: Sequence[Mapping[str, str]]) -> tuple[list[str], list[str]]:
    return [row["source"] for row in rows], [row["reference"] for row in rows]


def _entities(row: Mapping[str, Any]) -> tuple[Entity, ...]:
    """The true entities of a sentence, as a report has them."""
    from kerasft.text.entities import Entity

    return tuple(Entity(each["start"], each["end"], each["type"]) for each in row["entities"])


def _fewer(tasks: Sequence[GateTask]) -> list[GateTask]:
    """At most `MOST_ROWS` rows over all tasks, evenly spaced."""
    most = max(1, MOST_ROWS // len(tasks))
    fewer = []
    for task in tasks:
        count = len(task.sources)
        rows = range(count) if count <= most else [row * count // most for row in range(most)]
        sources: Any = [task.sources[row] for row in rows]
        references: Any = [task.references[row] for row in rows]
        fewer.append(GateTask(task.name, task.metric, sources, references))
    return fewer
