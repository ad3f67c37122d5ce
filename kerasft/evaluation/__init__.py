"""How good a classifier is: metrics, simple baselines from the same split, and pictures.

scores = evaluation.score(probabilities, dataset.train, dataset.test, label_map)
print(evaluation.table(scores["this model"]))
print(evaluation.comparison(scores))
"""

from kerasft.evaluation.baselines import baselines, majority, tfidf
from kerasft.evaluation.classification import comparison, evaluate, means, table
from kerasft.evaluation.plots import plot_confusion, plot_loss
from kerasft.evaluation.report import THIS_MODEL, classifier_report, score

__all__ = [
    "THIS_MODEL",
    "baselines",
    "classifier_report",
    "comparison",
    "evaluate",
    "majority",
    "means",
    "plot_confusion",
    "plot_loss",
    "score",
    "table",
    "tfidf",
]
