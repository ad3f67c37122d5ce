"""What simple methods reach on the same split; a model that does not beat them is not worth it."""

from collections.abc import Sequence

import numpy as np

from kerasft.errors import DataError
from kerasft.evaluation.classification import Metrics, evaluate


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


def tfidf(
    train_texts: Sequence[str],
    train_labels: np.ndarray,
    test_texts: Sequence[str],
    test_labels: np.ndarray,
    names: Sequence[str],
    *,
    class_weight: str | None = None,
    C: float = 1.0,
) -> Metrics:
    """Logistic regression over TF-IDF of words and word pairs, fitted on the training rows alone.

    Words are scikit-learn's: runs of two or more letters or digits, lowercased. Counts enter as
    1 + log(count).

    Args:
        train_texts: The training texts.
        train_labels: (training rows,) integers.
        test_texts: The test texts.
        test_labels: (test rows,) integers.
        names: The classes' names, in id order.
        class_weight: "balanced" weighs each class by the inverse of its share; None does not.
        C: The inverse strength of the L2 penalty.

    Returns:
        As `evaluate`.

    Raises:
        DataError: The training rows hold one class only, or no word at all.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(train_labels)) < 2:
        raise DataError("The training rows hold one class only, so there is nothing to learn.")
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    try:
        train = vectorizer.fit_transform(train_texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        raise DataError(
            "No training text has a word (two letters or digits in a row), so the TF-IDF baseline "
            "has nothing to count."
        ) from error
    classifier = LogisticRegression(C=C, class_weight=class_weight, max_iter=1000)
    classifier.fit(train, train_labels)
    # A class without training rows has no column; its probability is 0.
    probabilities = np.zeros((len(test_texts), len(names)))
    probabilities[:, classifier.classes_] = classifier.predict_proba(
        vectorizer.transform(test_texts)
    )
    return evaluate(test_labels, probabilities, names)


def baselines(
    train_texts: Sequence[str],
    train_labels: np.ndarray,
    test_texts: Sequence[str],
    test_labels: np.ndarray,
    names: Sequence[str],
    *,
    class_weight: str | None = None,
) -> dict[str, Metrics]:
    """Both baselines by their printed names, ready for `comparison`; arguments as `tfidf`."""
    return {
        "TF-IDF + logistic regression": tfidf(
            train_texts, train_labels, test_texts, test_labels, names, class_weight=class_weight
        ),
        "majority class": majority(train_labels, test_labels, names),
    }
