"""Ways to tune one pretrained model on the same rows: their scores, costs, and which to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kerasft import evaluation
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

# A 95 % interval reaches so many standard errors to either side.
STANDARD_ERRORS = 1.96


@dataclass(frozen=True)
class Tuned:
    """One way to tune the model, and the runs that took it.

    Attributes:
        name: The method, or `head` or `full`.
        merges: Whether its adapter can be folded into the weights; None where there is none.
        runs: One a seed; empty where it could not run.
        failure: Why it could not, a sentence.
        latency: Milliseconds a text, by how many are given at a time.
    """

    name: str
    merges: bool | None
    runs: Sequence[Run] = ()
    failure: str = ""
    latency: Mapping[int, Latency] | None = None


@dataclass(frozen=True)
class MethodScore:
    """What one way of tuning reached, and what it cost.

    Attributes:
        merges: As in `Tuned`.
        macro_f1: The mean over the seeds, with its interval over draws of the test rows.
        accuracy: Likewise.
        by_seed: The macro-F1 of each seed.
        costs: The time is the mean over the seeds, the memory the most.
        behind: The macro-F1 of the best less its own; None of the best.
        mcnemar: The best first, on rows that most seeds got right; None of the best.
        is_baseline: Whether it is TF-IDF + logistic regression.
    """

    name: str
    merges: bool | None
    macro_f1: Interval
    accuracy: Interval
    by_seed: tuple[float, ...]
    costs: Costs
    behind: Difference | None = None
    mcnemar: McNemar | None = None
    is_baseline: bool = False


@dataclass(frozen=True)
class MethodComparison:
    """Everything that the page says in numbers.

    Attributes:
        scores: Those that ran, from the highest macro-F1 down; the baseline among them.
        failures: Why the others did not, by name.
        rows: How many test rows there are.
        classes: The classes.
        seeds: How many runs stand behind each score.
        draws: Draws of the bootstrap.
        machine: Backend and threads of the runs.
    """

    scores: tuple[MethodScore, ...]
    failures: dict[str, str]
    rows: int
    classes: tuple[str, ...]
    seeds: int
    draws: int
    seed: int
    machine: str

    @property
    def methods(self) -> list[MethodScore]:
        """Those of the scores that are no baseline."""
        return [each for each in self.scores if not each.is_baseline]

    @property
    def best(self) -> MethodScore:
        """The one with the highest macro-F1."""
        return self.methods[0]

    @property
    def standard_error(self) -> float:
        """Of the best one's macro-F1, from its interval."""
        found = self.best.macro_f1
        return (found.high - found.low) / (2 * STANDARD_ERRORS)

    @property
    def choice(self) -> MethodScore:
        """Which to take: the one with the fewest trained parameters, near enough to the best.

        Near enough is a macro-F1 at most one standard error lower.

        Source: the one-standard-error rule of Breiman et al., "Classification and Regression Trees"
        (1984), section 3.4.3.
        """
        least = self.best.macro_f1.value - self.standard_error
        near = [each for each in self.methods if each.macro_f1.value >= least]
        return min(near, key=lambda each: (each.costs.trained or 0, -each.macro_f1.value))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "rows": self.rows,
            "classes": list(self.classes),
            "intervals": f"bootstrap, percentile, 95 %, {self.draws} draws, seed {self.seed}",
            "machine": self.machine,
            "best": self.best.name,
            "choice": self.choice.name,
            "methods": {each.name: _numbers(each) for each in self.scores},
            "failures": self.failures,
        }


def compare_methods(
    tuned: Sequence[Tuned], *, draws: int = DRAWS, seed: int = 0
) -> MethodComparison:
    """Compares ways to tune a model, each with the best.

    Args:
        tuned: The ways; one at least has runs, and all runs are aligned (see `read_runs`).
        draws: Draws of the bootstrap; all are scored on the same.

    Example:
        >>> compare_methods([Tuned("ia3", True, runs), Tuned("full", None, others)]).choice.name
        'ia3'
    """
    ran = [each for each in tuned if each.runs]
    first = ran[0].runs[0]
    said = {each.name: [run.probabilities.argmax(axis=1) for run in each.runs] for each in ran}
    if first.baseline is not None:
        said[evaluation.TFIDF] = [first.baseline.argmax(axis=1)]
    truth, classes = first.truth, len(first.labels)
    flat = {
        f"{name} {number}": predicted  # (rows,)
        for name, seeds in said.items()
        for number, predicted in enumerate(seeds)
    }
    drawn = bootstrap(truth, flat, classes, draws=draws, seed=seed)
    means = {
        name: {
            key: np.mean([drawn[f"{name} {n}"][key] for n in range(len(seeds))], axis=0)
            for key in ("macro_f1", "accuracy")
        }
        for name, seeds in said.items()
    }  # (draws,) each
    exact = {
        name: [scores_of(evaluation.class_counts(truth, each, classes)) for each in seeds]
        for name, seeds in said.items()
    }

    def score(name: str, merges: bool | None, costs: Costs) -> MethodScore:
        def mean(key: str) -> Interval:
            value = float(np.mean([found[key] for found in exact[name]]))
            return interval(value, means[name][key])

        by_seed = tuple(float(found["macro_f1"]) for found in exact[name])
        return MethodScore(name, merges, mean("macro_f1"), mean("accuracy"), by_seed, costs)

    scores = [score(each.name, each.merges, _costs(each)) for each in ran]
    best = max(scores, key=lambda each: each.macro_f1.value)
    if first.baseline is not None:
        baseline = score(evaluation.TFIDF, None, baseline_costs(first))
        scores.append(replace(baseline, is_baseline=True))

    def right(name: str) -> np.ndarray:
        return np.mean([predicted == truth for predicted in said[name]], axis=0) > 0.5  # (rows,)

    paired = [
        each
        if each is best
        else replace(
            each,
            behind=paired_difference(
                best.macro_f1.value,
                each.macro_f1.value,
                means[best.name]["macro_f1"],
                means[each.name]["macro_f1"],
            ),
            mcnemar=mcnemar(right(best.name), right(each.name)),
        )
        for each in scores
    ]
    return MethodComparison(
        scores=tuple(sorted(paired, key=lambda each: (-each.macro_f1.value, each.is_baseline))),
        failures={each.name: each.failure for each in tuned if not each.runs},
        rows=len(truth),
        classes=first.labels,
        seeds=max(len(each.runs) for each in ran),
        draws=draws,
        seed=seed,
        machine=costs_of(first, {}).machine,
    )


def _costs(tuned: Tuned) -> Costs:
    """Those of all its runs: the mean time and the most memory."""
    each = [costs_of(run, tuned.latency or {}) for run in tuned.runs]
    seconds = [costs.train_seconds for costs in each if costs.train_seconds is not None]
    memory = [costs.peak_memory for costs in each if costs.peak_memory is not None]
    return replace(
        each[0],
        train_seconds=float(np.mean(seconds)) if seconds else None,
        peak_memory=max(memory) if memory else None,
    )


def _numbers(score: MethodScore) -> dict[str, Any]:
    numbers = asdict(score)
    numbers["costs"]["latency"] = {
        str(size): times for size, times in numbers["costs"]["latency"].items()
    }
    return numbers
