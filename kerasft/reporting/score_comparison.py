"""Models of any task of labelled texts side by side, by the scores that their task names.

Classifiers of labels that exclude each other have a page of their own, with more in it:
`comparison.py`, `findings.py` and `report.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from kerasft.evaluation.label_scores import Metrics
from kerasft.evaluation.plots import BLUE
from kerasft.evaluation.significance import (
    DRAWS,
    Difference,
    Interval,
    McNemar,
    interval,
    mcnemar,
    paired_difference,
)
from kerasft.folder.card import MOST_ROWS
from kerasft.reporting import tables, words
from kerasft.reporting.comparison import Candidate
from kerasft.reporting.findings import few_rows
from kerasft.reporting.page import Page, Pictures, Section
from kerasft.reporting.plots import BASELINE, Mark, plot_against
from kerasft.reporting.report import drawn_picture, run_pictures, write_page
from kerasft.reporting.runs import Run
from kerasft.reporting.tables import ReportTable, differences_table
from kerasft.tasks.labelled.scoring import Scoring


@dataclass(frozen=True)
class ScoredCandidate:
    """One candidate's scores.

    Attributes:
        metrics: What `Scoring.evaluate` says.
        drawn: Key -> the score with its interval, of those that have one.
    """

    candidate: Candidate
    metrics: Metrics
    drawn: dict[str, Interval]


@dataclass(frozen=True)
class ScoredPair:
    """Two candidates on the same rows.

    Attributes:
        main: The first's main score less the second's.
        mcnemar: The test on the rows that are right; None where rows are nearer or farther.
    """

    first: str
    second: str
    main: Difference
    mcnemar: McNemar | None


@dataclass(frozen=True)
class ScoreComparison:
    """Everything that the page says in numbers.

    Attributes:
        scoring: How the task is scored.
        names: The names of the head's outputs.
        rows: How many test rows there are.
        scored: By name, in the order of the candidates.
        pairs: Every two of them.
        draws: Draws of the bootstrap.
    """

    scoring: Scoring
    names: tuple[str, ...]
    rows: int
    scored: dict[str, ScoredCandidate]
    pairs: list[ScoredPair]
    draws: int
    seed: int

    def main(self, name: str) -> Interval:
        """The main score of a candidate."""
        return self.scored[name].drawn[self.scoring.main]

    @property
    def ranked(self) -> list[str]:
        """The names, from the best main score down."""
        return sorted(self.scored, key=lambda name: -self.main(name).value)

    def lead(self, name: str) -> Difference:
        """The main score of the best less that of another."""
        best = self.ranked[0]
        for pair in self.pairs:
            if (pair.first, pair.second) == (best, name):
                return pair.main
            if (pair.first, pair.second) == (name, best):
                main = pair.main
                return Difference(-main.value, -main.high, -main.low, main.p)
        raise KeyError(name)

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "rows": self.rows,
            "names": list(self.names),
            "main": self.scoring.main,
            "intervals": f"bootstrap, percentile, 95 %, {self.draws} draws, seed {self.seed}",
            "models": {name: _numbers(scored) for name, scored in self.scored.items()},
            "pairs": [asdict(pair) for pair in self.pairs],
        }


def compare_scores(
    candidates: Sequence[Candidate],
    truth: np.ndarray,
    names: Sequence[str],
    scoring: Scoring,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> ScoreComparison:
    """Compares candidates on the same test rows.

    Args:
        candidates: The candidates, of different names.
        truth: (rows, ...) what is right.
        names: The names of the head's outputs.
        scoring: How the task is scored.
        draws: Draws of the bootstrap; all candidates are scored on the same.
        seed: Chooses the draws.

    Example:
        >>> compare_scores(candidates(runs, latency), runs[0].truth, runs[0].labels, scoring)
    """
    said = {each.name: each.probabilities for each in candidates}
    drawn = scoring.bootstrap(truth, said, draws, seed)
    scored = {}
    for each in candidates:
        metrics = scoring.evaluate(truth, each.probabilities, names)
        found = {key: interval(metrics[key], drawn[each.name][key]) for key in scoring.drawn}
        scored[each.name] = ScoredCandidate(each, metrics, found)
    main = scoring.main

    def pair(first: str, second: str) -> ScoredPair:
        less = paired_difference(
            scored[first].metrics[main],
            scored[second].metrics[main],
            drawn[first][main],
            drawn[second][main],
        )
        one, other = (scoring.right(truth, said[name]) for name in (first, second))
        test = None if one is None or other is None else mcnemar(one, other)
        return ScoredPair(first, second, less, test)

    pairs = [pair(first, second) for first, second in combinations(said, 2)]
    return ScoreComparison(scoring, tuple(names), len(truth), scored, pairs, draws, seed)


def scores_table(comparison: ScoreComparison) -> ReportTable:
    """The scores over all rows, a row each candidate."""
    scoring = comparison.scoring
    rows = [
        [name, *(_cell(scored, key) for key in scoring.means.values())]
        for name, scored in comparison.scored.items()
    ]
    lowest = [title for title, key in scoring.means.items() if key in scoring.lower]
    note = f" Best when lowest: {words.listed(lowest)}." if lowest else ""
    return ReportTable(
        "Scores",
        ["", *scoring.means],
        rows,
        f"{words.quantity(comparison.rows, 'test row')}. In brackets: 95 % of "
        f"{comparison.draws:,} bootstrap draws of the rows lie there (the same draws for all)."
        f"{note}",
    )


def names_table(comparison: ScoreComparison) -> list[ReportTable]:
    """F1 of each label, where there are labels."""
    first, *_ = comparison.scored.values()
    if "per_class" not in first.metrics:
        return []
    rows = [
        [
            name,
            f"{first.metrics['per_class'][name]['support']:,}",
            *(f"{s.metrics['per_class'][name]['f1']:.3f}" for s in comparison.scored.values()),
        ]
        for name in comparison.names[:MOST_ROWS]
    ]
    return [ReportTable("F1 of each label", ["label", "test rows", *comparison.scored], rows)]


def score_findings(comparison: ScoreComparison) -> list[str]:
    """The sentences at the head of the page, the most important first.

    The rule for which to take is that of `findings`: the best main score leads; of those whose
    difference from it may be chance, the one that is quickest for a single text.
    """
    best, *others = comparison.ranked
    title = comparison.scoring.main_words
    sentences = [f"{best} has the highest {title}: {words.with_interval(comparison.main(best))}."]
    near = [name for name in others if not comparison.lead(name).is_clear]
    timed = {
        name: comparison.scored[name].candidate.costs.latency[1].median
        for name in (best, *near)
        if 1 in comparison.scored[name].candidate.costs.latency
    }
    if not near:
        sentences.append(f"Take {best}, unless its costs are too high.")
    elif timed:
        quickest = min(timed, key=timed.__getitem__)
        sentences.append(
            f"These rows do not tell {words.listed([best, *near])} apart; of these, {quickest} is "
            f"the quickest ({words.milliseconds(timed[quickest])} for a single text), so take it "
            "unless more test rows show another to be better."
        )
    for name in others:
        lead = comparison.lead(name)
        verdict = "more than chance explains" if lead.is_clear else "which may be chance"
        sentences.append(
            f"{best} is ahead of {name} by {words.digits(lead.value)} of {title}, {verdict} "
            f"({words.chance(lead.p)})."
        )
    return sentences + few_rows(comparison.rows)


def write_score_report(
    destination: str | Path,
    comparison: ScoreComparison,
    runs: Sequence[Run],
    *,
    measured: str,
    config_yaml: str,
) -> Path:
    """Writes the page, its numbers and pictures; see `report.py` for the folder.

    Args:
        destination: The folder.
        comparison: What `compare_scores` returned.
        runs: The saved models in it.
        measured: Where and how the times for a text were measured, a sentence.
        config_yaml: The resolved config.

    Returns:
        The HTML page.

    Raises:
        ConfigError: The folder cannot be written.
    """
    models = [n for n, s in comparison.scored.items() if not s.candidate.is_baseline]
    title = comparison.scoring.main_words
    costs = {name: scored.candidate.costs for name, scored in comparison.scored.items()}
    marks = [
        Mark(
            name, costs[name].latency[1].median, comparison.main(name),
            BASELINE if scored.candidate.is_baseline else BLUE,
        )
        for name, scored in comparison.scored.items()
        if 1 in costs[name].latency
    ]  # fmt: skip
    plot = partial(plot_against, "milliseconds for a single text (logarithmic)", marks, score=title)
    drawn = [Pictures([drawn_picture("tradeoff.png", f"{title}, and time for a text", plot)])]
    pairs = [(pair.first, pair.second, pair.main, pair.mcnemar) for pair in comparison.pairs]
    left = run_pictures(runs)
    page = Page(
        f"{words.listed(models)} compared",
        f"The same {words.quantity(comparison.rows, 'test row')}, which no model saw in training. "
        f"Task: {runs[0].task.name.replace('_', ' ')}. Folders: "
        f"{words.listed([str(run.folder) for run in runs])}.",
        score_findings(comparison),
        [
            Section(
                "Scores",
                [
                    scores_table(comparison),
                    differences_table(comparison.scoring.main_title, pairs),
                    *names_table(comparison),
                ],
            ),
            Section(
                "Costs",
                [
                    tables.training_table(costs),
                    tables.running_table(costs, measured),
                    *drawn * bool(marks),
                ],
            ),
            *[Section("The runs", [Pictures(left)])] * bool(left),
        ],
    )
    numbers = {
        **comparison.to_dict(),
        "test_sha256": runs[0].report["test_sha256"],
        "measured": measured,
    }
    return write_page(destination, page, numbers, config_yaml)


def _cell(scored: ScoredCandidate, key: str) -> str:
    if key in scored.drawn:
        return words.with_interval(scored.drawn[key])
    return f"{scored.metrics[key]:.3f}"


def _numbers(scored: ScoredCandidate) -> dict[str, Any]:
    costs = asdict(scored.candidate.costs)
    costs["latency"] = {str(size): times for size, times in costs["latency"].items()}
    return {
        "baseline": scored.candidate.is_baseline,
        "origin": scored.candidate.origin,
        **scored.metrics,
        **{key: asdict(value) for key, value in scored.drawn.items()},
        "costs": costs,
    }
