"""Entities that were found against those that are there: seqeval's metrics, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kerasft.errors import DataError
from kerasft.evaluation.label_scores import MOST_CONFUSION, Metrics, layout
from kerasft.tasks.entities.sentence import Sentence, Span
from kerasft.tasks.entities.tag_schemes import tags_of

NOTHING = "no entity"
NOTHING_FOUND = (
    "the model finds no entity in any test sentence. Its training steps may have been too large "
    "(try a lower --learning_rate or a warm-up) or too few (try more --epochs)."
)

MEANS = {
    "precision": "precision",
    "recall": "recall",
    "F1": "f1",
    "macro F1": "macro_f1",
}


def evaluate_entities(
    sentences: Sequence[Sentence], found: Sequence[Sequence[Span]]
) -> dict[str, Any]:
    """Scores the entities that were found with seqeval.

    An entity counts only if all of its tokens and its type are right. Micro means count entities;
    the macro mean is the plain mean of the types' F1, over the types that occur among the true or
    the found ones. A ratio of 0 / 0 counts as 0.

    Args:
        sentences: The sentences with their true entities.
        found: The spans that were found in each, in order, none of which overlap.

    Returns:
        A dict that JSON can hold: `sentences`, `entities`, `found`, `precision`, `recall`, `f1`
        (micro), `macro_precision`, `macro_recall`, `macro_f1`, `exact_sentences` (the share of
        sentences without any mistake), `per_type` {type: {`precision`, `recall`, `f1`, `support`}},
        `mistakes` (see `mistakes_of`) and `confusion` {true type or "no entity": {found type or
        "no entity": count}} over equal tokens.

    Raises:
        DataError: There are no sentences, not one list of spans a sentence, or no entities at all,
            neither true nor found.

    Source: Tjong Kim Sang and De Meulder, "Introduction to the CoNLL-2003 Shared Task" (2003),
    section 2.4.

    Example:
        >>> sentence = Sentence(("Ann", "left", "Rome"), (Span(0, 1, "PER"), Span(2, 3, "LOC")))
        >>> evaluate_entities([sentence], [[Span(0, 1, "PER")]])["recall"]
        0.5
    """
    from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

    found = [tuple(spans) for spans in found]
    if not sentences or len(found) != len(sentences):
        raise DataError(f"{len(found)} lists of entities do not fit {len(sentences)} sentences")
    if not any(found) and not any(sentence.spans for sentence in sentences):
        raise DataError("there is no entity to score, neither a true one nor one that was found")
    true_tags = [tags_of(each.spans, len(each.tokens)) for each in sentences]
    found_tags = [
        tags_of(_checked(spans, sentence), len(sentence.tokens))
        for spans, sentence in zip(found, sentences, strict=True)
    ]

    def scores(average: str | None) -> Any:
        return precision_recall_fscore_support(
            true_tags, found_tags, average=average, zero_division=0
        )

    # seqeval sorts the types of both sides.
    types = sorted(
        {span.type for each in sentences for span in each.spans}
        | {span.type for spans in found for span in spans}
    )
    precision, recall, f1, support = scores(None)
    micro, macro = scores("micro"), scores("macro")
    exact = sum(a.spans == b for a, b in zip(sentences, found, strict=True))
    return {
        "sentences": len(sentences),
        "entities": int(support.sum()),
        "found": sum(map(len, found)),
        "precision": float(micro[0]),
        "recall": float(micro[1]),
        "f1": float(micro[2]),
        "macro_precision": float(macro[0]),
        "macro_recall": float(macro[1]),
        "macro_f1": float(macro[2]),
        "exact_sentences": exact / len(sentences),
        "per_type": {
            name: {
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(types)
        },
        "mistakes": mistakes_of(sentences, found),
        "confusion": confusion_of(sentences, found),
    }


def mistakes_of(sentences: Sequence[Sentence], found: Sequence[Sequence[Span]]) -> dict[str, int]:
    """Where the entities that are there went, and where those came from that are not.

    Args:
        sentences: The sentences with their true entities.
        found: The spans that were found in each.

    Returns:
        Of the true entities: `right`; `wrong type` (the same tokens); `wrong border` (overlaps one
        of its type); `wrong border and type`; `missed` (nothing overlaps it). Of those found:
        `invented` (overlaps nothing).
    """
    counts = Counter(dict.fromkeys(_MISTAKES, 0))
    for sentence, spans in zip(sentences, found, strict=True):
        for true in sentence.spans:
            counts[_fate(true, spans)] += 1
        counts["invented"] += sum(not _overlapping(span, sentence.spans) for span in spans)
    return dict(counts)


def confusion_of(
    sentences: Sequence[Sentence], found: Sequence[Sequence[Span]]
) -> dict[str, dict[str, int]]:
    """Which type was taken for which, among entities of the same tokens.

    Args:
        sentences: The sentences with their true entities.
        found: The spans that were found in each.

    Returns:
        True type -> found type -> count; "no entity" stands for tokens that are an entity on one
        side only. Of more than 200 types the counts of 0 are left out.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for sentence, spans in zip(sentences, found, strict=True):
        true = {(span.start, span.end): span.type for span in sentence.spans}
        said = {(span.start, span.end): span.type for span in spans}
        for place in true.keys() | said.keys():
            counts[true.get(place, NOTHING), said.get(place, NOTHING)] += 1
    types = sorted({name for pair in counts for name in pair} - {NOTHING})
    rows = [*types, NOTHING]
    if len(rows) <= MOST_CONFUSION:
        return {row: {column: counts[row, column] for column in rows} for row in rows}
    found_as: dict[str, dict[str, int]] = {row: {} for row in rows}
    for (row, column), count in sorted(counts.items()):
        found_as[row][column] = count
    return found_as


def entity_table(metrics: Mapping[str, Any]) -> str:
    """The metrics as a text table, one line a type and the means below.

    Args:
        metrics: What `evaluate_entities` returned.
    """
    rows = [_row(name, score, score["support"]) for name, score in metrics["per_type"].items()]
    macro = {key: metrics[f"macro_{key}"] for key in ("precision", "recall", "f1")}
    means = [
        _row("all (micro)", metrics, metrics["entities"]),
        _row("mean of the types (macro)", macro, metrics["entities"]),
    ]
    return layout(["", "precision", "recall", "f1", "entities"], rows, means)


def entity_comparison(results: Mapping[str, Metrics]) -> str:
    """Methods side by side, one line each.

    Args:
        results: What `evaluate_entities` returned for each, by its name.
    """
    rows = [
        [name, *(f"{value:.3f}" for value in row.values())]
        for name, row in entity_means(results).items()
    ]
    return layout(["", *MEANS], rows)


def entity_means(results: Mapping[str, Metrics]) -> dict[str, dict[str, float]]:
    """The metrics over all types, by their printed names, for each method.

    Args:
        results: What `evaluate_entities` returned for each, by its name.
    """
    return {
        name: {title: result[key] for title, key in MEANS.items()}
        for name, result in results.items()
    }


_MISTAKES = (
    "right",
    "wrong type",
    "wrong border",
    "wrong border and type",
    "missed",
    "invented",
)


def _fate(true: Span, spans: Sequence[Span]) -> str:
    """What became of a true entity."""
    touching = _overlapping(true, spans)
    if not touching:
        return "missed"
    same = [span for span in touching if (span.start, span.end) == (true.start, true.end)]
    if same:
        return "right" if same[0].type == true.type else "wrong type"
    of_type = any(span.type == true.type for span in touching)
    return "wrong border" if of_type else "wrong border and type"


def _overlapping(span: Span, others: Sequence[Span]) -> list[Span]:
    return [other for other in others if other.start < span.end and other.end > span.start]


def _checked(spans: Sequence[Span], sentence: Sentence) -> Sequence[Span]:
    """The spans, if they are such as a sentence can have.

    Raises:
        DataError: They are not.
    """
    return Sentence(sentence.tokens, tuple(spans)).spans


def _row(name: str, score: Mapping[str, Any], support: int) -> list[str]:
    return [name, *(f"{score[key]:.3f}" for key in ("precision", "recall", "f1")), str(support)]
