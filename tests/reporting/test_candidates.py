import numpy as np
import pytest

from harness.compared import LATENCY, make_run, make_truth, predictions
from kerasft.evaluation import label_scores
from kerasft.reporting import candidates

pytestmark = pytest.mark.plain

TRUTH = make_truth(40)


def test_one_baseline_for_all():
    runs = [make_run("a", TRUTH, 1.0), make_run("b", TRUTH, 2.0)]
    found = candidates(runs, {"a": LATENCY, "b": LATENCY})
    assert [c.name for c in found] == ["a", "b", label_scores.TFIDF]
    assert [c.is_baseline for c in found] == [False, False, True]
    assert found[0].probabilities is runs[0].said


def test_rounding_makes_no_other_baseline():
    near = predictions(TRUTH, 2.0, 99) + 1e-9
    runs = [make_run("a", TRUTH, 1.0), make_run("b", TRUTH, 2.0, baseline=near)]
    assert len(candidates(runs, {})) == 3


def test_other_baselines_stand_under_their_runs():
    other = predictions(TRUTH, 2.0, 5)
    runs = [make_run("a", TRUTH, 1.0), make_run("b", TRUTH, 2.0, baseline=other)]
    names = [c.name for c in candidates(runs, {})][2:]
    assert names == [f"{label_scores.TFIDF} of a", f"{label_scores.TFIDF} of b"]


def test_without_a_baseline():
    runs = [make_run("a", TRUTH, 1.0, baseline=None), make_run("b", TRUTH, 2.0, baseline=None)]
    assert [c.name for c in candidates(runs, {})] == ["a", "b"]


def test_costs_are_what_the_run_recorded():
    costs = candidates([make_run("a", TRUTH, 1.0)], {"a": LATENCY})[0].costs
    assert (costs.train_seconds, costs.peak_memory) == (75.0, 1.2e9)
    assert (costs.parameters, costs.trained) == (22_700_000, 60_000)
    # Without the card, the config and the report, which predicting does not need.
    assert (costs.bytes, costs.adapter_bytes) == (9_600_000, 100_000)
    assert costs.latency == LATENCY and costs.machine == "torch 2.0 on cpu, 1 thread"


def test_costs_of_the_baseline():
    costs = candidates([make_run("a", TRUTH, 1.0)], {})[1].costs
    assert (costs.train_seconds, costs.parameters, costs.trained) == (0.5, 9_000, 9_000)
    assert (costs.bytes, costs.peak_memory) == (100_000, 2e8)
    assert costs.latency[1].median == 0.5 and costs.latency[32].median == 0.1


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"seconds": "long", "parameters": 3, "baseline_costs": []},
        {"seconds": True, "parameters": {"trained": 1}, "machine": 4, "peak_memory_bytes": -1},
        {"seconds": 10**400, "baseline_costs": {"ms_per_text": {"1": None}}},
    ],
)
def test_what_a_run_did_not_record_is_unknown(report):
    run = make_run("a", TRUTH, 1.0, report={"test_sha256": "ab", **report})
    model, baseline = (found.costs for found in candidates([run], {}))
    for costs in (model, baseline):
        assert costs.train_seconds is None and costs.parameters is None and not costs.latency
        assert costs.peak_memory is None
    assert model.machine == ""
    assert np.isfinite(model.bytes)
