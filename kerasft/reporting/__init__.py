"""Saved classifiers compared on the same test rows: one page that says which to take and why.

runs = reporting.read_runs(["saved_models/small_bert", "saved_models/tinybert_lora"])
texts = [runs[0].texts[row] for row in reporting.spread(runs[0].texts)]
latency = reporting.measure_latency(predictors, texts)
candidates = reporting.candidates(runs, latency)
comparison = reporting.compare(candidates, runs[0].texts, runs[0].truth, runs[0].labels)
reporting.write_report("saved_models/comparison", comparison, runs, measured=..., config_yaml=...)
"""

from kerasft.reporting.candidates import Candidate, candidates
from kerasft.reporting.comparison import Comparison, compare
from kerasft.reporting.comparison_report import write_report
from kerasft.reporting.costs import Costs
from kerasft.reporting.findings import findings
from kerasft.reporting.folder import is_ours
from kerasft.reporting.latency import Latency, measure_latency, spread
from kerasft.reporting.runs import Run, gap, read_runs
from kerasft.reporting.tables import Table, as_text, score_table

__all__ = [
    "Candidate",
    "Comparison",
    "Costs",
    "Latency",
    "Run",
    "Table",
    "as_text",
    "candidates",
    "compare",
    "findings",
    "gap",
    "is_ours",
    "measure_latency",
    "read_runs",
    "score_table",
    "spread",
    "write_report",
]
