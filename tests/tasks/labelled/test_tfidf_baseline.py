import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import make_pipeline

from kerasft.errors import DataError
from kerasft.tasks.labelled import tfidf_baseline
from kerasft.tasks.labelled.labelled_texts import load_data
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.plain

TEXTS = ["the bank raised rates", "stocks fell", "the team won", "a goal in the match"]
LABELS = np.array([0, 0, 1, 1])
COUNTED = {
    "words": {"ngram_range": (1, 2)},
    "characters": {"analyzer": "char_wb", "ngram_range": (2, 5), "min_df": 2},
}


@pytest.fixture(scope="module")
def sample():
    """The shipped corpus: texts and labels of its three parts."""
    dataset = load_data("sample:conversations")
    label_map = LabelMap.from_labels(dataset.train["label"])
    return {
        name: (part["text"], label_map.encode(part["label"]))
        for name, part in dataset.parts.items()
    }


def pipeline(units, C, class_weight, rows):
    return make_pipeline(
        TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **COUNTED[units]),
        LogisticRegression(C=C, class_weight=class_weight, max_iter=1000),
    ).fit(*rows)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_the_choice_is_the_best_pipeline_on_the_validation_rows(sample, class_weight):
    texts, truth = sample["validation"]
    train = (sample["train"][0][:150], sample["train"][1][:150])  # some classes more than others
    chosen = TfidfBaseline.choose(train, (texts, truth), 3, class_weight=class_weight)
    scored = {}
    for units in COUNTED:
        for C in (1.0, 10.0, 100.0):
            found = pipeline(units, C, class_weight, train).predict_proba(texts)
            loss = -np.log(found[np.arange(len(truth)), truth]).mean()
            scored[units, C] = (f1_score(truth, found.argmax(1), average="macro"), -loss)
    units, C = max(scored, key=lambda setting: scored[setting])
    assert len({f1 for f1, _ in scored.values()}) > 1  # so that there is something to choose
    assert (chosen.units, chosen.classifier.C) == (units, C)
    assert chosen.settings == f"{units}, C = {C:g}"
    assert chosen.validation_score == pytest.approx(scored[units, C][0])
    expected = pipeline(units, C, class_weight, train).predict_proba(sample["test"][0])
    np.testing.assert_allclose(chosen.probabilities(sample["test"][0]), expected, atol=1e-5)
    said = chosen.describe()
    assert f"C = {C:g}: of 6 settings" in said and f"({scored[units, C][0]:.3f})" in said


def test_equal_scores_are_told_apart_by_the_loss():
    """Rows that every setting gets right: the weakest penalty is the surest."""
    chosen = TfidfBaseline.choose((TEXTS, LABELS), (TEXTS, LABELS), 2)
    assert (chosen.classifier.C, chosen.validation_score) == (100.0, 1.0)


def test_texts_without_words_are_told_apart_by_characters():
    """Emoji, one letter a word, a script without spaces: nothing that counts as a word."""
    texts = ["\U0001f600 \U0001f600", "\U0001f600 \U0001f603", "\U0001f622 \U0001f622"] * 2
    labels = np.array([0, 0, 1] * 2)
    chosen = TfidfBaseline.choose((texts, labels), (texts, labels), 2)
    assert chosen.units == "characters" and chosen.validation_score == 1.0
    assert "runs of 2 to 5 characters" in chosen.describe() and "of 3 settings" in chosen.describe()


def test_of_many_coefficients_the_telling_ones_stay(monkeypatch):
    """With many classes memory bounds the words; frequent words that say nothing go first."""
    noise = np.random.default_rng(0).integers(0, 40, (120, 12))
    labels = np.arange(120) % 30
    texts = [
        f"class{label} " + " ".join(f"noise{n}" for n in row)
        for label, row in zip(labels, noise, strict=True)
    ]
    whole = TfidfBaseline.fit(texts, labels, 30)
    assert len(whole.vectorizer.vocabulary_) > 1000
    monkeypatch.setattr(tfidf_baseline, "MOST_COEFFICIENTS", 30 * 90)
    few = TfidfBaseline.fit(texts, labels, 30)
    assert few.classifier.coef_.shape == (30, 90)
    assert {f"class{label}" for label in range(30)} <= set(few.vectorizer.vocabulary_)
    assert (few.probabilities(texts).argmax(1) == labels).all()


def test_very_many_classes_are_told_apart_one_by_one(monkeypatch):
    labels = np.arange(120) % 30
    texts = [f"class{label} and word{row % 7}" for row, label in enumerate(labels)]
    monkeypatch.setattr(tfidf_baseline, "MANY_CLASSES", 29)
    found = TfidfBaseline.choose((texts, labels), (texts, labels), 30)
    assert type(found.classifier).__name__ == "SGDClassifier" and found.validation_score == 1.0
    probabilities = found.probabilities(texts)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert f"C = {found.C:g}" in found.describe()
    assert found.costs(texts)["parameters"]["trained"] == found.classifier.coef_.size + 30


def test_of_long_corpora_a_part_is_enough_to_choose_by(sample, monkeypatch):
    monkeypatch.setattr(tfidf_baseline, "CHOICE_SIZE", 3 * 10_000)
    monkeypatch.setattr(tfidf_baseline, "LEAST_CHOICE", 0)
    seen = []
    weigh = TfidfBaseline.weigh
    monkeypatch.setattr(
        TfidfBaseline, "weigh",
        lambda counts, *more: seen.append(counts.shape[0]) or weigh(counts, *more),
    )  # fmt: skip
    chosen = TfidfBaseline.choose(sample["train"], sample["validation"], 3)
    rows = len(sample["train"][0])
    *of_the_choice, last = seen
    assert chosen.units == "words" and chosen.tried == len(of_the_choice) == 3
    assert last == rows and set(of_the_choice) < set(range(20, rows // 2))
    expected = pipeline("words", chosen.classifier.C, None, sample["train"])
    np.testing.assert_allclose(
        chosen.probabilities(sample["test"][0]), expected.predict_proba(sample["test"][0]),
        atol=1e-5,
    )  # fmt: skip


def test_a_part_without_small_classes_is_not_chosen_by(monkeypatch):
    monkeypatch.setattr(tfidf_baseline, "CHOICE_SIZE", 2 * 200)
    monkeypatch.setattr(tfidf_baseline, "LEAST_CHOICE", 0)
    texts, labels = [*TEXTS[:2] * 100, TEXTS[2]], np.array([0] * 200 + [1])
    chosen = TfidfBaseline.choose((texts, labels), (TEXTS, LABELS), 2)
    assert chosen.probabilities([TEXTS[2]]).argmax() == 1


def test_balanced_weights_change_the_answer_on_skewed_data():
    texts, labels = [*TEXTS, *["the game"] * 30], np.array([*LABELS, *[1] * 30])
    plain, balanced = (
        TfidfBaseline.fit(texts, labels, 2, class_weight=weight, C=1.0).probabilities(["stocks"])
        for weight in (None, "balanced")
    )
    assert balanced[0, 0] > 0.5 > plain[0, 0]


def test_probabilities_of_all_classes():
    baseline = TfidfBaseline.fit(TEXTS, LABELS * 2, 3)  # no row of class 1
    found = baseline.probabilities(["the bank", "a goal", "zebra"])
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, 1] == 0).all()
    assert found.argmax(axis=1).tolist()[:2] == [0, 2]


@pytest.mark.parametrize(("labels", "rows"), [([0, 0, 1, 1], 1), ([0, 1, 2, 2], 3)])
def test_costs(labels, rows):
    baseline = TfidfBaseline.fit(TEXTS, np.array(labels), 3)
    costs = baseline.costs(TEXTS)
    words = baseline.vectorizer.vocabulary_
    assert {"the", "bank", "the bank"} <= set(words)
    coefficients = rows * (len(words) + 1)  # scikit-learn keeps one row for two classes
    assert costs["parameters"] == {"trained": coefficients, "frozen": 0}
    letters = sum(len(word) + 1 for word in words)
    numbers = (
        baseline.classifier.coef_, baseline.classifier.intercept_, baseline.vectorizer.idf_
    )  # fmt: skip
    assert costs["bytes"] == letters + sum(array.nbytes for array in numbers)
    assert costs["settings"] == "words, C = 10"
    assert costs["seconds"] > 0
    assert 0 < costs["ms_per_text"]["32"] < costs["ms_per_text"]["1"]


def test_refusals():
    rows = (TEXTS, LABELS)
    with pytest.raises(DataError, match="one class"):
        TfidfBaseline.fit(TEXTS, LABELS * 0, 2)
    with pytest.raises(DataError, match="one class"):
        TfidfBaseline.choose((TEXTS, LABELS * 0), rows, 2)
    with pytest.raises(DataError, match="word"):
        TfidfBaseline.fit(["! ?", "-"], np.array([0, 1]), 2)
    with pytest.raises(DataError, match="nothing to count"):
        TfidfBaseline.choose((["!", "-"], np.array([0, 1])), rows, 2)
