"""What a comparison compares: the saved classifiers, and the baselines that they brought along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasft import evaluation
from kerasft.reporting.costs import Costs, baseline_costs, costs_of
from kerasft.reporting.latency import Latency
from kerasft.reporting.runs import Run


@dataclass(frozen=True)
class Candidate:
    """What is compared: a saved classifier, or a baseline of the same training rows.

    Attributes:
        name: How the report calls it.
        probabilities: (rows, classes) on the test rows.
        costs: What it takes.
        is_baseline: Whether it is a simple method that the others have to beat.
        origin: Where it comes from, for people.
    """

    name: str
    probabilities: np.ndarray
    costs: Costs
    is_baseline: bool = False
    origin: str = ""


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
            run.probabilities,
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
        name = evaluation.TFIDF if len(different) == 1 else f"{evaluation.TFIDF} of {run.name}"
        found.append(
            Candidate(
                name, run.baseline, baseline_costs(run), is_baseline=True, origin=str(run.folder)
            )
        )
    return found


def _same(first: Run, second: Run) -> bool:
    assert first.baseline is not None and second.baseline is not None
    return bool(np.allclose(first.baseline, second.baseline, rtol=0, atol=1e-4))
