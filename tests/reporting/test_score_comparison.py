"""Models of several labels, and of numbers, side by side: scores, tests, the page."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

from harness.compared import LATENCY, make_run
from kerasft.errors import FolderError
from kerasft.reporting import candidates, compare_methods, compare_scores, method_tables
from kerasft.reporting import score_comparison as module
from kerasft.reporting.method_page import best_table
from kerasft.reporting.methods import Tuned
from kerasft.tasks.registry import TASKS

pytestmark = pytest.mark.plain

RNG = np.random.default_rng(0)
NAMES = ("a", "b", "c")
LABELS = (RNG.random((150, 3)) < [0.5, 0.3, 0.2]).astype(float)
NUMBERS = RNG.normal(size=150)


def labels_said(skill, seed):
    found = np.random.default_rng(seed).normal(size=LABELS.shape) + skill * (LABELS - 0.5)
    found = 1 / (1 + np.exp(-found))
    return np.stack([found, found >= 0.5], axis=-1)


def numbers_said(skill, seed):
    return skill * NUMBERS + (1 - skill) * np.random.default_rng(seed).normal(size=150)


MADE = {"multi_label": (LABELS, labels_said, NAMES), "regression": (NUMBERS, numbers_said, ("x",))}


def runs_of(task, skills):
    truth, said, names = MADE[task]
    return [
        replace(
            make_run(name, np.zeros(150, int), 1.0),
            truth=truth,
            said=said(skill, len(name)),
            labels=names,
            baseline=said(0.1, 99),
            task=TASKS[task],
        )
        for name, skill in skills.items()
    ]


@pytest.fixture(scope="module", params=MADE)
def compared(request):
    good = {"multi_label": 4.0, "regression": 0.9}[request.param]
    runs = runs_of(request.param, {"good": good, "poorer": good / 3})
    found = candidates(runs, {run.name: LATENCY for run in runs})
    scoring = runs[0].task.scoring
    return runs, compare_scores(found, runs[0].truth, runs[0].labels, scoring, draws=200)


def test_scores_and_tests(compared):
    runs, comparison = compared
    good = comparison.main("good")
    if comparison.scoring.main == "r2":
        assert good.value == pytest.approx(r2_score(NUMBERS, runs[0].said))
    else:
        expected = f1_score(LABELS, runs[0].said[..., 1], average="macro")
        assert good.value == pytest.approx(expected)
    assert good.low < good.value < good.high
    assert comparison.ranked[0] == "good"
    assert comparison.lead("poorer").is_clear and comparison.lead("poorer").value > 0
    pair = comparison.pairs[0]
    assert (pair.first, pair.second) == ("good", "poorer")
    assert (pair.mcnemar is None) == (comparison.scoring.main == "r2")
    first, *_ = module.score_findings(comparison)
    assert first.startswith("good has the highest")


def test_the_page(compared, tmp_path):
    runs, comparison = compared
    page = module.write_score_report(
        tmp_path / "out", comparison, runs, measured="Measured.", config_yaml="a: 1\n"
    )
    html = page.read_text("utf-8")
    assert comparison.scoring.baseline in html and "tradeoff.png" not in html.split("<body")[0]
    numbers = json.loads((page.parent / "metrics.json").read_text("utf-8"))
    assert numbers["models"].keys() == comparison.scored.keys()
    assert ("F1 of each label" in html) == (comparison.scoring.main == "macro_f1")


@pytest.mark.parametrize("task", MADE)
def test_methods_are_compared_by_the_tasks_own_scores(task):
    runs = runs_of(task, {"one": 0.5, "three": 0.9})
    tuned = [Tuned("one", True, runs[:1]), Tuned("three", None, runs[1:])]
    comparison = compare_methods(tuned, draws=100)
    assert comparison.best.name == "three"
    table, _ = method_tables(comparison)
    main = TASKS[task].scoring.main_title
    assert table.head[1] == main
    assert ("p (McNemar)" in best_table(comparison).head) == (task == "multi_label")
    assert TASKS[task].scoring.main in comparison.to_dict()["methods"]["one"]


def test_models_of_other_tasks_are_not_compared(tmp_path):
    from kerasft.reporting import runs as of_runs

    one, other = runs_of("multi_label", {"a": 1.0})[0], runs_of("regression", {"b": 0.5})[0]
    with pytest.raises(FolderError, match=re.escape("compare models of one task")):
        of_runs._aligned(one, other)
