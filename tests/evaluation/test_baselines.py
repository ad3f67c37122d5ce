import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from kerasft import evaluation
from kerasft.errors import DataError

NAMES = ["finance", "sport"]
FINANCE = [
    "the bank raised rates",
    "stocks fell at the bank",
    "rates and stocks rise",
    "cheap stocks",
]
SPORT = ["the team won the match", "a goal in the match", "the team lost", "the coach of the team"]
TRAIN = FINANCE + SPORT
TRAIN_LABELS = np.array([0] * 4 + [1] * 4)
TEST = ["bank stocks", "the team scored a goal", "rates at the bank"]
TEST_LABELS = np.array([0, 1, 0])


def test_majority_answers_the_most_frequent_class():
    train = np.array([2, 2, 2, 0])
    metrics = evaluation.majority(train, np.array([2, 0, 1, 2]), ["a", "b", "c"])
    assert metrics["confusion"] == [[0, 0, 1], [0, 0, 1], [0, 0, 2]]
    assert metrics["accuracy"] == 0.5


def test_majority_loss_is_the_cross_entropy_of_the_shares():
    metrics = evaluation.majority(np.array([0, 0, 0, 1]), np.array([0, 1]), NAMES)
    assert metrics["loss"] == pytest.approx(-(np.log(0.75) + np.log(0.25)) / 2)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_tfidf_is_the_pipeline_it_says(class_weight):
    train, labels = [*TRAIN, "one more match", "and a goal"], np.array([*TRAIN_LABELS, 1, 1])
    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(class_weight=class_weight, max_iter=1000),
    ).fit(train, labels)
    expected = evaluation.evaluate(TEST_LABELS, pipeline.predict_proba(TEST), NAMES)
    ours = evaluation.tfidf(train, labels, TEST, TEST_LABELS, NAMES, class_weight=class_weight)
    assert ours == expected
    assert ours["accuracy"] == 1.0


def test_balanced_weights_change_the_answer_on_skewed_data():
    train, labels = [*TRAIN, *["the game"] * 30], np.array([*TRAIN_LABELS, *[1] * 30])
    plain = evaluation.tfidf(train, labels, TEST, TEST_LABELS, NAMES)
    balanced = evaluation.tfidf(train, labels, TEST, TEST_LABELS, NAMES, class_weight="balanced")
    assert balanced["per_class"]["finance"]["recall"] > plain["per_class"]["finance"]["recall"]


def test_a_class_without_training_rows_gets_no_probability():
    metrics = evaluation.tfidf(TRAIN, TRAIN_LABELS * 2, TEST, TEST_LABELS * 2, ["f", "none", "s"])
    assert metrics["per_class"]["none"]["support"] == 0
    assert metrics["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("texts", "labels", "says"),
    [(["! ?", "- -"], [0, 1], "word"), (["one text", "two texts"], [1, 1], "one class")],
)
def test_refuses_what_it_cannot_learn(texts, labels, says):
    with pytest.raises(DataError, match=says):
        evaluation.tfidf(texts, np.array(labels), TEST, TEST_LABELS, NAMES)


def test_both_by_name():
    scores = evaluation.baselines(TRAIN, TRAIN_LABELS, TEST, TEST_LABELS, NAMES)
    assert scores["TF-IDF + logistic regression"]["accuracy"] == 1.0
    assert scores["majority class"] == evaluation.majority(TRAIN_LABELS, TEST_LABELS, NAMES)
