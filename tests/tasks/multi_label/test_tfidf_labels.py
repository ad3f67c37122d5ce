"""The baseline of several labels: a logistic regression a label, as scikit-learn's one-vs-rest."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from kerasft.errors import DataError
from kerasft.tasks.multi_label.tfidf_labels import TfidfLabels

pytestmark = pytest.mark.plain

WORDS = {"crash": "crashes", "billing": "invoice", "slow": "slowly"}


def made(rows, seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random((rows, 3)) < 0.4).astype(int)
    texts = [
        f"ticket {row % 9} "
        + " ".join(w for w, on in zip(WORDS.values(), found, strict=True) if on)
        for row, found in enumerate(labels)
    ]
    return texts, labels


def test_it_is_one_against_the_rest():
    (texts, labels), (others, _) = made(80, 0), made(20, 1)
    found = TfidfLabels.fit(texts, labels, 3, C=1.0)
    model = OneVsRestClassifier(LogisticRegression(C=1.0, max_iter=1000))
    model.fit(found.vectorizer.transform(texts), labels)
    expected = model.predict_proba(found.vectorizer.transform(others))
    np.testing.assert_allclose(found.probabilities(others), expected, atol=1e-6)


def test_the_choice_ends_with_thresholds():
    train, rest = made(80, 0), made(60, 1)
    found = TfidfLabels.choose(train, rest, 3)
    said = found.said(rest[0])
    assert said.shape == (60, 3, 2) and (said[..., 1] == rest[1]).mean() > 0.95
    np.testing.assert_array_equal(said[..., 1], said[..., 0] >= found.thresholds)
    assert "macro average precision" in found.describe()
    assert found.costs(rest[0])["bytes"] > 100


def test_labels_of_all_rows_and_of_none():
    texts, labels = made(40, 0)
    labels[:, 1], labels[:, 2] = 1, 0
    found = TfidfLabels.fit(texts, labels, 3).probabilities(texts)
    assert (found[:, 1] == 1).all() and (found[:, 2] == 0).all()
    with pytest.raises(DataError, match="No label is in some training rows"):
        TfidfLabels.fit(texts, labels * [0, 1, 1], 3)
