"""How good a classifier is: metrics, simple baselines from the same split, and pictures.

metrics = evaluation.evaluate(labels, probabilities, names)
scores = {"this model": metrics, **evaluation.baselines(train, train_labels, test, labels, names)}
print(evaluation.table(metrics))
print(evaluation.comparison(scores))
evaluation.plot_loss(history.to_dict(), report / "loss.png")
evaluation.plot_confusion(metrics, report / "confusion.png")
"""

from kerasft.evaluation.baselines import baselines, majority, tfidf
from kerasft.evaluation.classification import comparison, evaluate, table
from kerasft.evaluation.plots import plot_confusion, plot_loss

__all__ = [
    "baselines",
    "comparison",
    "evaluate",
    "majority",
    "plot_confusion",
    "plot_loss",
    "table",
    "tfidf",
]
