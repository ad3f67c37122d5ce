"""Ways to tune one pretrained model on the same rows: their scores, costs, and which to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from kerasft.evaluation.significance import (
    DRAWS,
    Difference,
    Interval,
    McNemar,
    interval,
    mcnemar,
    paired_difference,
)
from kerasft.reporting.costs import Costs, Latency, baseline_costs, costs_of
from kerasft.reporting.runs import Run
from kerasft.tasks.labelled.scoring import Scoring

# A 95 % interval reaches so many standard errors to either side.
STANDARD_ERRORS = 1.96


@dataclass(frozen=True)
class Tuned:
    """One way to tune the model, and the runs that took it.

    Attributes:
        name: The method, or `head` or `full`.
        merges: Whether its adapter can be merged; None where there is none.
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
        main: The task's main score (macro-F1): the mean over the seeds, with its interval over
            draws of the test rows.
        second: Its second one (accuracy), likewise.
        by_seed: The main score of each seed.
        costs: The time is the mean over the seeds, the memory the most.
        behind: The main score of the best less its own; None of the best.
        mcnemar: The best first, on rows that most seeds got right; None of the best, and where rows
            are nearer or farther, not right.
        is_baseline: Whether it is the baseline of TF-IDF.
    """

    name: str
    merges: bool | None
    main: Interval
    second: Interval
    by_seed: tuple[float, ...]
    costs: Costs
    behind: Difference | None = None
    mcnemar: McNemar | None = None
    is_baseline: bool = False


@dataclass(frozen=True)
class MethodComparison:
    """Everything that the page says in numbers.

    Attributes:
        scores: Those that ran, from the highest main score down; the baseline among them.
        failures: Why the others did not, by name.
        rows: How many test rows there are.
        classes: The names of the head's outputs.
        scoring: How the task is scored.
        seeds: How many runs stand behind each score.
        draws: Draws of the bootstrap.
        machine: Backend and threads of the runs.
    """

    scores: tuple[MethodScore, ...]
    failures: dict[str, str]
    rows: int
    classes: tuple[str, ...]
    scoring: Scoring
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
        """The one with the highest main score."""
        return self.methods[0]

    @property
    def standard_error(self) -> float:
        """Of the best one's main score, from its interval."""
        found = self.best.main
        return (found.high - found.low) / (2 * STANDARD_ERRORS)

    @property
    def choice(self) -> MethodScore:
        """Which to take: the one with the fewest trained parameters, near enough to the best.

        Near enough is a main score at most one standard error lower.

        Source: the one-standard-error rule of Breiman et al., "Classification and Regression Trees"
        (1984), section 3.4.3.
        """
        least = self.best.main.value - self.standard_error
        near = [each for each in self.methods if each.main.value >= least]
        return min(near, key=lambda each: (each.costs.trained or 0, -each.main.value))

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "rows": self.rows,
            "classes": list(self.classes),
            "intervals": f"bootstrap, percentile, 95 %, {self.draws} draws, seed {self.seed}",
            "machine": self.machine,
            "best": self.best.name,
            "choice": self.choice.name,
            "methods": {each.name: _numbers(each, self.scoring) for each in self.scores},
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
    scoring = first.task.scoring
    said = {each.name: [run.said for run in each.runs] for each in ran}
    if first.baseline is not None:
        said[scoring.baseline] = [first.baseline]
    truth = first.truth
    flat = {
        f"{name} {number}": each
        for name, seeds in said.items()
        for number, each in enumerate(seeds)
    }
    drawn = scoring.bootstrap(truth, flat, draws, seed)
    main, second = scoring.drawn[:2]
    means = {
        name: {
            key: np.mean([drawn[f"{name} {n}"][key] for n in range(len(seeds))], axis=0)
            for key in (main, second)
        }
        for name, seeds in said.items()
    }  # (draws,) each
    exact = {name: [scoring.quick(truth, each) for each in seeds] for name, seeds in said.items()}

    def score(name: str, merges: bool | None, costs: Costs) -> MethodScore:
        def mean(key: str) -> Interval:
            value = float(np.mean([found[key] for found in exact[name]]))
            return interval(value, means[name][key])

        by_seed = tuple(float(found[main]) for found in exact[name])
        return MethodScore(name, merges, mean(main), mean(second), by_seed, costs)

    scores = [score(each.name, each.merges, _costs(each)) for each in ran]
    best = max(scores, key=lambda each: each.main.value)
    if first.baseline is not None:
        baseline = score(scoring.baseline, None, baseline_costs(first))
        scores.append(replace(baseline, is_baseline=True))

    def right(name: str) -> np.ndarray | None:
        found = [scoring.right(truth, each) for each in said[name]]
        known = [each for each in found if each is not None]
        return np.mean(known, axis=0) > 0.5 if known else None  # (rows,)

    def test(name: str) -> McNemar | None:
        ours, theirs = right(best.name), right(name)
        return None if ours is None or theirs is None else mcnemar(ours, theirs)

    paired = [
        each
        if each is best
        else replace(
            each,
            behind=paired_difference(
                best.main.value,
                each.main.value,
                means[best.name][main],
                means[each.name][main],
            ),
            mcnemar=test(each.name),
        )
        for each in scores
    ]
    return MethodComparison(
        scores=tuple(sorted(paired, key=lambda each: (-each.main.value, each.is_baseline))),
        failures={each.name: each.failure for each in tuned if not each.runs},
        rows=len(truth),
        classes=first.labels,
        scoring=scoring,
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


def _numbers(score: MethodScore, scoring: Scoring) -> dict[str, Any]:
    numbers = asdict(score)
    main, second = scoring.drawn[:2]
    numbers = {{"main": main, "second": second}.get(key, key): x for key, x in numbers.items()}
    numbers["costs"]["latency"] = {
        str(size): times for size, times in numbers["costs"]["latency"].items()
    }
    return numbers
