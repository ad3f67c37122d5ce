"""Ways to tune a model, compared: scores, the choice among them, the page."""

import json
from pathlib import Path

import numpy as np
import pytest

from harness.compared import CLASSES, LATENCY, make_run, make_truth
from kerasft import reporting
from kerasft.evaluation import label_scores
from kerasft.evaluation.label_scores import evaluate
from kerasft.reporting import Tuned, as_text, compare_methods, method_findings, method_tables
from kerasft.reporting.method_page import best_table

pytestmark = pytest.mark.plain

TRUTH = make_truth(300)


def tuned(name: str, skill: float, trained: int, merges: bool | None = True, seeds: int = 1):
    """A way of tuning that nobody trained."""
    runs = []
    for seed in range(seeds):
        run = make_run(f"{name}-{'x' * seed}", TRUTH, skill)
        run.report["parameters"] = {"trained": trained, "frozen": 22_640_000}
        run.report["seconds"] = 10.0 * (seed + 1)
        run.report["peak_memory_bytes"] = 1e9 + 1e8 * seed
        runs.append(run)
    return Tuned(name, merges, runs, latency=LATENCY)


def test_scores_are_those_of_the_run_and_the_best_stands_first():
    comparison = compare_methods([tuned("poor", 0.5, 10), tuned("good", 4.0, 99)], draws=200)
    assert [each.name for each in comparison.methods] == ["good", "poor"]
    good = comparison.scores[0]
    run = make_run("good-", TRUTH, 4.0)
    metrics = evaluate(TRUTH, run.said, CLASSES)
    assert good.main.value == pytest.approx(metrics["macro_f1"])
    assert good.second.value == pytest.approx(metrics["accuracy"])
    assert good.main.low < good.main.value < good.main.high
    assert good.behind is None and comparison.best is good
    poor = comparison.scores[-1]
    assert poor.behind.value == pytest.approx(good.main.value - poor.main.value)
    assert poor.behind.is_clear and poor.mcnemar.only_first > poor.mcnemar.only_second
    assert label_scores.TFIDF in [each.name for each in comparison.scores]


def test_the_choice_is_the_smallest_within_a_standard_error():
    near = [tuned("large", 2.0, 1_000_000), tuned("small", 1.95, 500), tuned("tiny", 0.3, 5)]
    comparison = compare_methods(near, draws=200)
    least = comparison.best.main.value - comparison.standard_error
    assert 0.01 < comparison.standard_error < 0.05
    found = {each.name: each.main.value for each in comparison.methods}
    assert found["small"] >= least > found["tiny"]
    assert comparison.choice.name == "small"
    first = method_findings(comparison)[0]
    assert first.startswith("Take small: its macro-F1, ") and "fewest parameters, 500" in first
    assert "it is merged into the weights" in first
    alone = compare_methods([tuned("large", 3.0, 9), tuned("tiny", 0.3, 5, False)], draws=200)
    assert alone.choice is alone.best
    assert method_findings(alone)[0].startswith("Take large: it has the highest macro-F1, ")


def test_seeds_are_averaged():
    comparison = compare_methods([tuned("a", 2.0, 10, seeds=3), tuned("b", 1.0, 10, seeds=3)])
    score = next(each for each in comparison.scores if each.name == "a")
    assert len(score.by_seed) == 3 and len(set(score.by_seed)) > 1
    assert score.main.value == pytest.approx(np.mean(score.by_seed))
    assert score.costs.train_seconds == pytest.approx(20.0)
    assert score.costs.peak_memory == pytest.approx(1.2e9)
    scores, _ = method_tables(comparison)
    assert "lowest to highest" in scores.head and "means over 3 seeds" in scores.note
    assert "most seeds" in best_table(comparison).note


def test_a_score_no_better_than_the_baseline_says_so():
    comparison = compare_methods([tuned("weak", 0.5, 10), tuned("weaker", 0.4, 5)], draws=200)
    said = method_findings(comparison)
    assert any(label_scores.TFIDF in each and "may not be needed" in each for each in said)
    strong = compare_methods([tuned("strong", 5.0, 10), tuned("weak", 0.5, 5)], draws=200)
    assert not any("may not be needed" in each for each in method_findings(strong))


def test_the_table_has_costs_and_what_becomes_of_the_adapter():
    ways = [tuned("in", 3.0, 700), tuned("beside", 2.0, 9_000_000, False)]
    whole = tuned("all", 2.5, 22_000_000, None)
    for name in list(whole.runs[0].manifest.files):
        if name.startswith("adapter/"):
            del whole.runs[0].manifest.files[name]
    scores, costs = map(as_text, method_tables(compare_methods([*ways, whole], draws=100)))
    pairs = zip(scores.splitlines(), costs.splitlines(), strict=True)
    rows = {first.split()[0]: first + second for first, second in pairs}
    assert rows["in"].endswith("yes") and "100 kB" in rows["in"] and "700" in rows["in"]
    assert rows["beside"].endswith("no") and "9M" in rows["beside"]
    assert "the model, 9.5 MB" in rows["all"] and "10 s" in rows["all"]


def test_the_page_is_written_with_what_could_not_run(tmp_path: Path):
    ways = [
        tuned("in", 3.0, 700),
        tuned("beside", 1.0, 9_000, False),
        Tuned("broken", False, failure="It has <no> place."),
    ]
    comparison = compare_methods(ways, draws=100)
    page = reporting.write_method_page(
        tmp_path / "out", comparison, measured="Timed now.", config_yaml="draws: 100\n"
    )
    assert reporting.is_comparison(tmp_path / "out")
    text = page.read_text("utf-8")
    assert "It has &lt;no&gt; place." in text and "Could not run" in text and "Timed now." in text
    assert text.count("data:image/png") == 2
    data = json.loads((page.parent / "metrics.json").read_text("utf-8"))
    assert data["choice"] == "in" and data["failures"] == {"broken": "It has <no> place."}
    assert data["methods"]["beside"]["behind"]["value"] > 0
    assert {"parameters.png", "seconds.png"} <= {each.name for each in page.parent.iterdir()}
