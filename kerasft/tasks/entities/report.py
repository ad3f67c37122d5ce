"""The `report/` folder of a run that finds entities: scores, pictures, every test sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends, storage
from kerasft.errors import DataError
from kerasft.evaluation.label_scores import Metrics
from kerasft.evaluation.plots import plot_loss
from kerasft.evaluation.report_files import (
    METRICS,
    THIS_MODEL,
    ReportFile,
    write_files,
    write_records,
)
from kerasft.folder import Facts
from kerasft.folder.writing import Report
from kerasft.tasks.entities.baseline import MEMORY, EntityMemory
from kerasft.tasks.entities.dataset import bracketed
from kerasft.tasks.entities.gate import ENTITY_PREDICTIONS
from kerasft.tasks.entities.plots import plot_entity_confusion, plot_entity_scores
from kerasft.tasks.entities.scores import (
    NOTHING_FOUND,
    entity_comparison,
    entity_means,
    entity_table,
    evaluate_entities,
)
from kerasft.tasks.entities.sentence import Sentence, Span

SAMPLES = 20


def score_entities(
    found: Sequence[Sequence[Span]], train: Sequence[Sentence], test: Sequence[Sentence]
) -> dict[str, Metrics]:
    """Scores what a model found in the test sentences, and what remembering names would find.

    Args:
        found: The spans that the model found in each test sentence.
        train: The sentences that the model was trained on.
        test: The test sentences with their true entities.

    Returns:
        What `evaluate_entities` says, by name: "this model" first.

    Raises:
        DataError: See `evaluate_entities`.
    """
    memory = EntityMemory(train)
    return {
        THIS_MODEL: evaluate_entities(test, found),
        MEMORY: evaluate_entities(test, [memory.find(sentence.tokens) for sentence in test]),
    }


def state_scores(facts: Facts, scores: Mapping[str, Metrics]) -> None:
    """Prints what `score_entities` returned, and keeps it for the model card."""
    metrics = scores[THIS_MODEL]
    print(f"\n{entity_table(metrics)}\n\n{entity_comparison(scores)}\n")
    facts.record("Test metrics per type", metrics["per_type"])
    facts.record("Test metrics beside baselines", entity_means(scores))
    facts.state("Mistakes in the test", metrics["mistakes"])
    if not metrics["found"]:
        facts.state("Nothing was found", NOTHING_FOUND)


def entity_report(
    scores: Mapping[str, Metrics],
    history: Mapping[str, Any],
    test: Sequence[Sentence],
    found: Sequence[Sequence[Span]],
    *,
    entity_scores: Sequence[Sequence[float]] | None = None,
    outputs: Sequence[str] | None = None,
    pictures: Sequence[ReportFile] = (),
    **more: Any,
) -> Report:
    """Returns the function that writes a report into a folder, for `adding_report`.

    A part that fails is left out; the function returns a sentence on each.

    Args:
        scores: What `score_entities` returned.
        history: What `History.to_dict` said of the training.
        test: The test sentences with their true entities.
        found: The spans that were found in each.
        entity_scores: How sure the model is of each of them, if known.
        outputs: What a text-to-text model wrote of each sentence, if one did.
        pictures: Further pictures: the name of each, and what draws it into a path.
        **more: Further entries of `metrics.json`.

    Raises:
        DataError: The lists are not of one length.

    Example:
        >>> write = entity_report(scores, history.to_dict(), dataset.test.sentences, found)
        >>> write(Path("report"))   # metrics.json, loss.png, entities.png, confusion.png,
        >>>                         # samples.md, predictions.jsonl
    """
    for rows in (found, entity_scores, outputs):
        if rows is not None and len(rows) != len(test):
            raise DataError(f"{len(rows)} rows do not fit {len(test)} test sentences")

    def write_metrics(path: Path) -> None:
        backend = backends.current()
        content = {
            "test": scores[THIS_MODEL],
            "baselines": {name: row for name, row in scores.items() if name != THIS_MODEL},
            "backend": f"{backends.check().name} {backend.version()} on {backend.device()}",
            "threads": backend.threads(),
            **more,
            "history": dict(history),
        }
        storage.write_json(path, content)

    def prediction(row: int) -> dict[str, Any]:
        sure = None if entity_scores is None else entity_scores[row]
        record = _record(test[row], found[row], sure)
        return record if outputs is None else {**record, "output": outputs[row]}

    parts: list[ReportFile] = [
        (METRICS, write_metrics),
        (
            ENTITY_PREDICTIONS,
            lambda path: write_records(path, map(prediction, range(len(test)))),
        ),
        ("samples.md", lambda path: path.write_text(entity_samples(test, found), encoding="utf-8")),
        ("loss.png", lambda path: plot_loss(dict(history), path)),
        ("entities.png", lambda path: plot_entity_scores(scores, path)),
        ("confusion.png", lambda path: plot_entity_confusion(scores[THIS_MODEL], path)),
        *pictures,
    ]
    return lambda folder: write_files(folder, parts)


def entity_samples(
    test: Sequence[Sentence], found: Sequence[Sequence[Span]], count: int = SAMPLES
) -> str:
    """A page in Markdown of some test sentences, evenly spaced, right and wrong ones alike.

    Args:
        test: The test sentences with their true entities.
        found: The spans that were found in each.
        count: How many to show.
    """
    rows = np.unique(np.linspace(0, len(test) - 1, min(count, len(test))).astype(int)).tolist()
    right = sum(test[row].spans == tuple(found[row]) for row in rows)
    lines = [
        "# Sample sentences",
        "",
        f"{len(rows)} of the {len(test)} test sentences, evenly spaced ({ENTITY_PREDICTIONS} has "
        f"all); {right} of them are entirely right.",
    ]
    for number, row in enumerate(rows, start=1):
        said = Sentence(test[row].tokens, tuple(found[row]))
        mark = "right" if test[row].spans == said.spans else "wrong"
        lines += [
            "",
            f"{number}. {mark}",
            f"   - true: {_plain(bracketed(test[row]))}",
            f"   - found: {_plain(bracketed(said))}",
        ]
    return "\n".join(lines) + "\n"


def _record(
    sentence: Sentence, spans: Sequence[Span], scores: Sequence[float] | None
) -> dict[str, Any]:
    said = [_entity(sentence, span) for span in spans]
    if scores is not None:
        said = [
            {**entity, "score": round(score, 6)} for entity, score in zip(said, scores, strict=True)
        ]
    return {
        "text": sentence.text,
        "entities": [_entity(sentence, span) for span in sentence.spans],
        "found": said,
    }


def _entity(sentence: Sentence, span: Span) -> dict[str, Any]:
    entity = sentence.entity(span)
    return {
        "start": entity.start,
        "end": entity.end,
        "type": entity.type,
        "text": sentence.mention(span),
    }


def _plain(text: str) -> str:
    """A text that Markdown shows as it is."""
    for mark in ("\\", "`", "*", "_", "<", "[", "]", "|", "#"):
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.split())
