"""Classifiers side by side: scores with intervals, paired tests, calibration and mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from kerasft.data.text_pairs import on_one_line
from kerasft.evaluation import significance
from kerasft.evaluation.calibration import Calibration, calibration_of
from kerasft.evaluation.label_scores import Metrics, evaluate
from kerasft.evaluation.significance import (
    DRAWS,
    Difference,
    Interval,
    McNemar,
    bootstrap,
    interval,
    mcnemar,
    paired_difference,
    scores_of,
)
from kerasft.reporting.costs import Costs, Latency, baseline_costs, costs_of
from kerasft.reporting.runs import Run
from kerasft.text.pairs import Text

MACRO = ("macro_precision", "macro_recall", "macro_f1")
PER_CLASS = ("precision", "recall", "f1")
MOST_MISTAKES = 10


@dataclass(frozen=True)
class Candidate:
    """What is compared: a saved classifier, or a baseline of the same training rows.

    Attributes:
        name: How the report calls it.
        probabilities: (rows, classes) on the test rows; of other tasks what `Run.said` is.
        costs: What it takes.
        is_baseline: Whether it is a simple method that the others have to beat.
        origin: Where it comes from, for people.
    """

    name: str
    probabilities: np.ndarray
    costs: Costs
    is_baseline: bool = False
    origin: str = ""


@dataclass(frozen=True)
class Mistake:
    """One text that was labeled wrong.

    Attributes:
        label: What the data says.
        predicted: What the classifier said.
        others: What each of the other candidates said.
    """

    text: str
    label: str
    predicted: str
    probability: float
    others: dict[str, str]


@dataclass(frozen=True)
class Scored:
    """One candidate's scores.

    Attributes:
        metrics: What `evaluate` says.
        accuracy: With its interval.
        macro: Precision, recall and F1 as plain means over the classes, with their intervals.
        per_class: Class -> precision, recall and F1, with their intervals.
        calibration: How its probabilities fit what happened.
        mistakes: What it got wrong with the most confidence.
    """

    candidate: Candidate
    metrics: Metrics
    accuracy: Interval
    macro: dict[str, Interval]
    per_class: dict[str, dict[str, Interval]]
    calibration: Calibration
    mistakes: list[Mistake]


@dataclass(frozen=True)
class Pair:
    """Two candidates on the same rows; differences are the first's score less the second's.

    Attributes:
        second: The name of the other.
        mcnemar: The test on the accuracies.
        accuracy: The difference of the accuracies.
        macro_f1: The difference of the macro-F1.
        f1: Class -> the difference of the F1.
    """

    first: str
    second: str
    mcnemar: McNemar
    accuracy: Difference
    macro_f1: Difference
    f1: dict[str, Difference]


@dataclass(frozen=True)
class Comparison:
    """Everything that the report says in numbers.

    Attributes:
        classes: The classes, in the order of the probabilities.
        rows: How many test rows there are.
        scored: The candidates' scores by name; the order is that of the report.
        pairs: Every two of them.
        draws: Draws of the bootstrap.
    """

    classes: tuple[str, ...]
    rows: int
    scored: dict[str, Scored]
    pairs: list[Pair]
    draws: int
    seed: int

    def pair(self, first: str, second: str) -> Pair:
        """The pair of two names, in this order."""
        for pair in self.pairs:
            if (pair.first, pair.second) == (first, second):
                return pair
            if (pair.first, pair.second) == (second, first):
                return _turned(pair)
        raise KeyError((first, second))

    def support(self, label: str) -> int:
        """How many test rows a class has."""
        return next(iter(self.scored.values())).metrics["per_class"][label]["support"]

    def telling_classes(self, most: int) -> list[str]:
        """The classes to show, in their order: all, or those in which the F1 differ most."""

        def telling(label: str) -> tuple[float, int]:
            found = [scored.per_class[label]["f1"].value for scored in self.scored.values()]
            return max(found) - min(found), self.support(label)

        if len(self.classes) <= most:
            return list(self.classes)
        chosen = set(sorted(self.classes, key=telling, reverse=True)[:most])
        return [label for label in self.classes if label in chosen]

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "rows": self.rows,
            "classes": list(self.classes),
            "intervals": f"bootstrap, percentile, 95 %, {self.draws} draws, seed {self.seed}",
            "models": {name: _model(scored) for name, scored in self.scored.items()},
            "pairs": [asdict(pair) for pair in self.pairs],
        }


def candidates(
    runs: Sequence[Run], latency: Mapping[str, Mapping[int, Latency]]
) -> list[Candidate]:
    """The saved classifiers, then TF-IDF + logistic regression of the same training rows.

    Runs on the same rows bring the same baseline, which then stands once. Where they differ (one
    run weighed the classes, say), each stands under the name of its run.

    Args:
        runs: What `read_runs` returned.
        latency: Milliseconds a text for each run's name, as `measure_latency` returned.
    """
    found = [
        Candidate(
            run.name,
            run.said,
            costs_of(run, latency.get(run.name, {})),
            origin=str(run.folder),
        )
        for run in runs
    ]
    different: list[Run] = []
    for run in runs:
        if run.baseline is not None and not any(_same(run, other) for other in different):
            different.append(run)
    for run in different:
        assert run.baseline is not None
        title = run.task.scoring.baseline
        name = title if len(different) == 1 else f"{title} of {run.name}"
        found.append(
            Candidate(
                name, run.baseline, baseline_costs(run), is_baseline=True, origin=str(run.folder)
            )
        )
    return found


def compare(
    candidates: Sequence[Candidate],
    texts: Sequence[Text],
    truth: np.ndarray,
    classes: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Comparison:
    """Compares candidates on the same test rows.

    Args:
        candidates: The candidates, of different names.
        texts: The test texts.
        truth: (rows,) integers, their true classes.
        classes: The names of the classes, in id order.
        draws: Draws of the bootstrap; all candidates are scored on the same.

    Example:
        >>> compare([Candidate("a", p, Costs()), Candidate("b", q, Costs())], texts, truth, names)
    """
    predictions = {c.name: c.probabilities.argmax(axis=1) for c in candidates}  # (rows,) each
    number = len(classes)
    drawn = bootstrap(truth, predictions, number, draws=draws, seed=seed)
    full = {
        # NaN stands for a class that does not occur at all, which `evaluate` counts as 0.
        name: {
            key: np.nan_to_num(value)
            for key, value in scores_of(significance.class_counts(truth, found, number)).items()
        }
        for name, found in predictions.items()
    }
    scored = {
        c.name: Scored(
            c,
            evaluate(truth, c.probabilities, classes),
            *_intervals(full[c.name], drawn[c.name], classes),
            calibration_of(truth, c.probabilities),
            confident_mistakes(c.name, candidates, texts, truth, classes),
        )
        for c in candidates
    }
    pairs = [
        _pair(first, second, predictions, truth, classes, full, drawn)
        for first, second in combinations(predictions, 2)
    ]
    return Comparison(tuple(classes), len(truth), scored, pairs, draws, seed)


def confident_mistakes(
    name: str,
    candidates: Sequence[Candidate],
    texts: Sequence[Text],
    truth: np.ndarray,
    classes: Sequence[str],
    most: int = MOST_MISTAKES,
) -> list[Mistake]:
    """The mistakes of one candidate, the most confident first.

    Args:
        name: The candidate's.
        candidates: All of them.
        texts: The test texts.
        truth: (rows,) integers, their true classes.
        classes: The names of the classes, in id order.
        most: How many mistakes.
    """
    said = {c.name: c.probabilities.argmax(axis=1) for c in candidates}  # (rows,) each
    confidence = next(c for c in candidates if c.name == name).probabilities.max(axis=1)
    wrong = np.flatnonzero(said[name] != truth)
    rows = wrong[np.argsort(-confidence[wrong], kind="stable")][:most]
    return [
        Mistake(
            text=on_one_line(texts[row]),
            label=classes[truth[row]],
            predicted=classes[said[name][row]],
            probability=float(confidence[row]),
            others={other: classes[said[other][row]] for other in said if other != name},
        )
        for row in rows
    ]


Arrays = Mapping[str, np.ndarray]


def _intervals(
    full: Arrays, drawn: Arrays, classes: Sequence[str]
) -> tuple[Interval, dict[str, Interval], dict[str, dict[str, Interval]]]:
    per_class = {
        name: {key: interval(float(full[key][column]), drawn[key][:, column]) for key in PER_CLASS}
        for column, name in enumerate(classes)
    }
    macro = {key: interval(float(full[key]), drawn[key]) for key in MACRO}
    return interval(float(full["accuracy"]), drawn["accuracy"]), macro, per_class


def _pair(
    first: str,
    second: str,
    predictions: Arrays,
    truth: np.ndarray,
    classes: Sequence[str],
    full: Mapping[str, Arrays],
    drawn: Mapping[str, Arrays],
) -> Pair:
    def less(key: str, column: int | None = None) -> Difference:
        at = ... if column is None else (..., column)
        ours, theirs = (float(full[name][key][at]) for name in (first, second))
        return paired_difference(ours, theirs, drawn[first][key][at], drawn[second][key][at])

    return Pair(
        first,
        second,
        mcnemar(predictions[first] == truth, predictions[second] == truth),
        less("accuracy"),
        less("macro_f1"),
        {name: less("f1", column) for column, name in enumerate(classes)},
    )


def _turned(pair: Pair) -> Pair:
    def turn(d: Difference) -> Difference:
        return Difference(-d.value, -d.high, -d.low, d.p)

    return Pair(
        pair.second,
        pair.first,
        McNemar(pair.mcnemar.only_second, pair.mcnemar.only_first, pair.mcnemar.p),
        turn(pair.accuracy),
        turn(pair.macro_f1),
        {name: turn(d) for name, d in pair.f1.items()},
    )


def _model(scored: Scored) -> dict[str, Any]:
    costs = asdict(scored.candidate.costs)
    costs["latency"] = {str(size): times for size, times in costs["latency"].items()}
    return {
        "baseline": scored.candidate.is_baseline,
        "origin": scored.candidate.origin,
        "accuracy": asdict(scored.accuracy),
        **{key: asdict(value) for key, value in scored.macro.items()},
        "log_loss": scored.metrics["loss"],
        "per_class": {
            name: {
                **{key: asdict(value) for key, value in scores.items()},
                "support": scored.metrics["per_class"][name]["support"],
            }
            for name, scores in scored.per_class.items()
        },
        **{k: v for k, v in scored.metrics.items() if k.startswith("confusion")},
        "calibration": asdict(scored.calibration),
        "costs": costs,
        "mistakes": [asdict(mistake) for mistake in scored.mistakes],
    }


def _same(first: Run, second: Run) -> bool:
    assert first.baseline is not None and second.baseline is not None
    return bool(np.allclose(first.baseline, second.baseline, rtol=0, atol=1e-4))
