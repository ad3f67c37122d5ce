"""How good a model is: metrics, simple baselines from the same split, and pictures.

metrics = evaluation.evaluate(label_ids, probabilities, names)
print(evaluation.table(metrics))
"""

from kerasft.evaluation.calibration import Calibration, calibration_of
from kerasft.evaluation.label_scores import (
    MAJORITY,
    TFIDF,
    comparison,
    evaluate,
    majority,
    means,
    table,
)
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.evaluation.significance import (
    Difference,
    Interval,
    McNemar,
    bootstrap,
    class_counts,
    interval,
    mcnemar,
    paired_difference,
    scores_of,
)
from kerasft.evaluation.text_scores import score_by_origin, score_translations, signatures

__all__ = [
    "MAJORITY",
    "TFIDF",
    "Calibration",
    "Difference",
    "Interval",
    "McNemar",
    "bootstrap",
    "calibration_of",
    "class_counts",
    "comparison",
    "evaluate",
    "interval",
    "majority",
    "mcnemar",
    "means",
    "paired_difference",
    "plot_confusion",
    "plot_loss",
    "score_by_origin",
    "score_translations",
    "scores_of",
    "signatures",
    "table",
]
