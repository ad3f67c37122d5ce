"""How good a model is: metrics, simple baselines from the same split, and pictures.

metrics = evaluation.evaluate(label_ids, probabilities, names)
print(evaluation.table(metrics))
"""

from kerasft.evaluation.label_scores import (
    MAJORITY,
    TFIDF,
    evaluate,
    majority,
    table,
)
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.evaluation.significance import (
    Interval,
    class_counts,
    mcnemar,
)
from kerasft.evaluation.text_scores import score_by_origin, score_translations, signatures

__all__ = [
    "MAJORITY",
    "TFIDF",
    "Interval",
    "class_counts",
    "evaluate",
    "majority",
    "mcnemar",
    "plot_confusion",
    "plot_loss",
    "score_by_origin",
    "score_translations",
    "signatures",
    "table",
]
