"""How well a text-to-text model does each of its tasks, beside the simplest way to do it.

Sources: ROUGE, Lin 2004 ("ROUGE: A Package for Automatic Evaluation of Summaries"), sections 2 and
3, by rouge-score with Porter's stemmer; lead baselines, Nallapati et al. 2017 ("SummaRuNNer"),
section 4; BLEU and chrF as in `evaluation.text_scores`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kerasft.data.rows import Rows
from kerasft.errors import DataError
from kerasft.evaluation.text_scores import score_texts

if TYPE_CHECKING:
    from rouge_score.rouge_scorer import RougeScorer

Scores = dict[str, float]
ROUGE = {"rouge1": "ROUGE-1", "rouge2": "ROUGE-2", "rougeL": "ROUGE-L"}


def score_outputs(metric: str, outputs: Sequence[str], references: Sequence[str]) -> Scores:
    """Scores the outputs of one task.

    "exact" gives the accuracy and macro-F1 of outputs that are names of classes: the mean of F1
    over the classes among the references, where an output that is none of them is just wrong.
    "rouge" gives the mean F1 of ROUGE-1, 2 and L, "bleu" corpus BLEU and chrF, all from 0 to 100.

    Args:
        metric: "exact", "rouge" or "bleu".
        outputs: What was written, one for each row.
        references: What is right, in the same order.

    Returns:
        Scores by their printed names.

    Raises:
        DataError: There is nothing to score, not one output a reference, or no such metric.

    Example:
        >>> score_outputs("exact", ["sports", "sports"], ["sports", "news"])
        {'accuracy': 0.5, 'macro F1': 0.3333333333333333}
    """
    if len(outputs) != len(references) or not references:
        raise DataError(
            f"there are {len(outputs)} outputs and {len(references)} references; each reference "
            "needs one output, and there must be one or more"
        )
    if metric not in _SCORERS:
        raise DataError(f"the metric {metric!r} is unknown; choose among {', '.join(_SCORERS)}")
    return _SCORERS[metric](outputs, references)


def baseline(metric: str, train: Rows, held_out: Rows) -> tuple[str, list[str]]:
    """The simplest way to do a task: its name, and its outputs for the held-out rows.

    Args:
        metric: "exact": the commonest target of the training; "rouge": the source's first sentence
            (lead-1); "bleu": a copy of the source.
        train: The pairs that were trained on.
        held_out: The pairs to do, their sources without a prefix.

    Example:
        >>> baseline("rouge", train, held_out)
        ('lead-1', ['The airport was closed all day.'])
    """
    if metric == "exact":
        commonest = min(Counter(train["target"]).items(), key=lambda item: (-item[1], item[0]))[0]
        return "majority", [commonest] * len(held_out)
    if metric == "rouge":
        return "lead-1", [first_sentence(source) for source in held_out["source"]]
    return "copy of the source", list(held_out["source"])


def first_sentence(text: str) -> str:
    """A text up to the first ".", "!" or "?" before whitespace; all of it where there is none.

    Example:
        >>> first_sentence("It rained. We stayed.")
        'It rained.'
    """
    text = " ".join(text.split())
    return re.split(r"(?<=[.!?])\s", text, maxsplit=1)[0]


def score_task(
    metric: str, train: Rows, held_out: Rows, outputs: Mapping[str, Sequence[str]]
) -> dict[str, Scores]:
    """Scores several ways of doing one task, the baseline as the first of them.

    Args:
        metric: As for `score_outputs`.
        train: The pairs that were trained on.
        held_out: The pairs that were done.
        outputs: Name ("beam 4") -> outputs, in the order of the pairs.

    Returns:
        Name -> scores, rounded to four digits.
    """
    name, simple = baseline(metric, train, held_out)
    found = {}
    for way, texts in {name: simple, **outputs}.items():
        scores = score_outputs(metric, texts, held_out["target"])
        found[way] = {what: round(value, 4) for what, value in scores.items()}
    return found


def _exact(outputs: Sequence[str], references: Sequence[str]) -> Scores:
    from sklearn.metrics import f1_score

    found, right = ([" ".join(text.split()) for text in side] for side in (outputs, references))
    hits = sum(a == b for a, b in zip(found, right, strict=True))
    macro = f1_score(right, found, labels=sorted(set(right)), average="macro", zero_division=0)
    return {"accuracy": hits / len(right), "macro F1": float(macro)}


def _rouge(outputs: Sequence[str], references: Sequence[str]) -> Scores:
    totals = dict.fromkeys(ROUGE, 0.0)
    for output, reference in zip(outputs, references, strict=True):
        for name, score in _rouge_scorer().score(reference, output).items():
            totals[name] += 100 * score.fmeasure
    return {ROUGE[name]: total / len(references) for name, total in totals.items()}


def _bleu(outputs: Sequence[str], references: Sequence[str]) -> Scores:
    scores: Mapping[str, Any] = score_texts(outputs, references)
    return {"BLEU": scores["bleu"], "chrF": scores["chrf"]}


_SCORERS: dict[str, Callable[[Sequence[str], Sequence[str]], Scores]] = {
    "exact": _exact,
    "rouge": _rouge,
    "bleu": _bleu,
}


@cache
def _rouge_scorer() -> RougeScorer:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(ROUGE), use_stemmer=True)
