"""What simple methods reach on the same split; a model that does not beat them is not worth it."""

from collections.abc import Sequence

import numpy as np

from kerasft.evaluation.classification import Metrics, evaluate

TFIDF = "TF-IDF + logistic regression"
MAJORITY = "majority class"


def majority(train_labels: np.ndarray, test_labels: np.ndarray, names: Sequence[str]) -> Metrics:
    """Always answers the most frequent training class; its probabilities are the training shares.

    Args:
        train_labels: (training rows,) integers.
        test_labels: (test rows,) integers.
        names: The classes' names, in id order.

    Returns:
        As `evaluate`.
    """
    shares = np.bincount(train_labels, minlength=len(names)) / len(train_labels)
    return evaluate(test_labels, np.tile(shares, (len(test_labels), 1)), names)
