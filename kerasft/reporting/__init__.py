"""Saved classifiers compared on the same test rows: one page that says which to take and why.

`methods.py` and `method_page.py` do the same for ways to tune one pretrained model.

runs = reporting.read_runs(["saved_models/small_bert", "saved_models/tinybert_lora"])
texts = [runs[0].texts[row] for row in reporting.spread(runs[0].texts)]
latency = reporting.measure_latency(predictors, texts)
candidates = reporting.candidates(runs, latency)
comparison = reporting.compare(candidates, runs[0].texts, runs[0].truth, runs[0].labels)
reporting.write_report("saved_models/comparison", comparison, runs, measured=..., config_yaml=...)
"""

from kerasft.reporting.comparison import Candidate, Comparison, candidates, compare
from kerasft.reporting.costs import Costs, Latency, measure_latency, spread
from kerasft.reporting.findings import findings
from kerasft.reporting.method_page import method_findings, method_tables, write_method_page
from kerasft.reporting.methods import MethodComparison, Tuned, compare_methods
from kerasft.reporting.report import is_comparison, write_report
from kerasft.reporting.runs import Run, gap, read_runs
from kerasft.reporting.score_comparison import (
    ScoreComparison,
    compare_scores,
    score_findings,
    scores_table,
    write_score_report,
)
from kerasft.reporting.tables import ReportTable, as_text, score_table

__all__ = [
    "Candidate",
    "Comparison",
    "Costs",
    "Latency",
    "MethodComparison",
    "ReportTable",
    "Run",
    "ScoreComparison",
    "Tuned",
    "as_text",
    "candidates",
    "compare",
    "compare_methods",
    "compare_scores",
    "findings",
    "gap",
    "is_comparison",
    "measure_latency",
    "method_findings",
    "method_tables",
    "read_runs",
    "score_findings",
    "score_table",
    "scores_table",
    "spread",
    "write_method_page",
    "write_report",
    "write_score_report",
]
