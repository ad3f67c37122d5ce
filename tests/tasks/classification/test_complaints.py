"""The sample of complaints keeps the promises of its README."""

import csv
import re
from collections import Counter
from importlib import resources
from itertools import combinations

import pytest
import yaml

pytestmark = pytest.mark.plain

SAMPLES = resources.files("kerasft") / "data" / "samples"
REPEATED, SENT_AGAIN, SHORT = 4, 4, 4


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    # Decoding is strict: a byte that is not UTF-8 fails here. Fields hold line breaks.
    text = (SAMPLES / "complaints.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(keepends=True), strict=True))


@pytest.fixture(scope="module")
def narratives(rows) -> list[str]:
    """The distinct texts."""
    return list(dict.fromkeys(row["narrative"] for row in rows))


@pytest.fixture(scope="module")
def classes() -> dict[str, list[str]]:
    return yaml.safe_load((SAMPLES / "complaint_classes.yaml").read_text(encoding="utf-8"))


def shingles(text: str) -> set[tuple[str, ...]]:
    """The runs of five words of a text."""
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def near_pairs(texts: list[str], least: float) -> list[tuple[str, str]]:
    """The pairs of texts whose shingles' Jaccard index is `least` or more."""
    runs = [shingles(text) for text in texts]
    return [
        (texts[i], texts[j])
        for i, j in combinations(range(len(texts)), 2)
        if len(runs[i] & runs[j]) >= least * len(runs[i] | runs[j])
    ]


def sentences(text: str) -> set[tuple[str, ...]]:
    """The sentences of three words or more, redactions not counted, without case and marks."""
    parts = re.split(r"[.!?]+[\s\"')]+|\n+|<[^>]+>", text)
    words = (re.findall(r"[a-z0-9']+", part.lower()) for part in parts)
    return {tuple(found) for found in words if sum(word != "xxxx" for word in found) >= 3}


def test_columns_and_size(rows):
    assert all(list(row) == ["product", "narrative"] for row in rows)
    assert len(rows) == 443


def test_products_merge_into_five_unbalanced_classes(rows, classes):
    merged = {product: name for name, products in classes.items() for product in products}
    counts = Counter(merged[row["product"]] for row in rows)
    assert counts == {
        "Credit reporting": 124,
        "Debt collection": 99,
        "Loans": 85,
        "Cards and accounts": 78,
        "Mortgage": 57,
    }
    assert len({row["product"] for row in rows}) == 17


def test_lengths(narratives):
    lengths = sorted(len(text.split()) for text in narratives)
    assert lengths[SHORT - 1] < 10 and lengths[SHORT] >= 25
    assert lengths[-1] == 120


def test_the_repeated_texts_are_the_declared_ones(rows, narratives, classes):
    assert len(rows) - len(narratives) == REPEATED
    merged = {product: name for name, products in classes.items() for product in products}
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["narrative"], set()).add(merged[row["product"]])
    assert sum(len(names) > 1 for names in found.values()) == 1


def test_the_texts_sent_again_are_the_declared_ones(narratives):
    assert len(near_pairs(narratives, 0.8)) == SENT_AGAIN
    assert len(near_pairs(narratives, 0.1)) == SENT_AGAIN  # nothing in between


def test_no_sentence_stands_in_two_rows(narratives):
    again = {pair[1] for pair in near_pairs(narratives, 0.8)}
    counts = Counter(s for text in narratives if text not in again for s in sentences(text))
    assert [sentence for sentence, count in counts.items() if count > 1] == []


def test_no_two_rows_begin_alike(narratives):
    again = {pair[1] for pair in near_pairs(narratives, 0.8)}
    starts = Counter(" ".join(text.lower().split()[:5]) for text in narratives if text not in again)
    assert [start for start, count in starts.items() if count > 1] == []


@pytest.mark.parametrize(
    ("pattern", "least"),
    [
        (r"\bXXXX\b", 100),
        (r"\bXX/XX/XXXX\b", 40),
        (r"\{\$\d+\.\d\d\}", 200),
        (r"<(p|b|ul|ol|li|div|br)>", 5),
        (r"&(amp|quot);", 5),
        (r"\n", 10),
        (r"^[^a-z]{100,}$", 5),
        (r"^[^A-Z]{100,}$", 3),
        (r"[*-]{5}|!!!", 4),
    ],
)
def test_the_mess_of_the_real_thing(narratives, pattern, least):
    assert sum(bool(re.search(pattern, text)) for text in narratives) >= least


def test_classes_are_mixed_through_the_file(rows, classes):
    """A reader that takes the first rows only still sees every class."""
    merged = {product: name for name, products in classes.items() for product in products}
    assert {merged[row["product"]] for row in rows[:20]} == set(classes)


def test_simple_words_tell_the_classes_but_not_all(rows, classes):
    """TF-IDF and logistic regression: better than chance by far, and far from perfect."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedShuffleSplit, cross_val_score
    from sklearn.pipeline import make_pipeline

    merged = {product: name for name, products in classes.items() for product in products}
    labels = {row["narrative"]: merged[row["product"]] for row in rows}
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    splits = StratifiedShuffleSplit(5, test_size=0.3, random_state=0)
    scores = cross_val_score(
        model, list(labels), list(labels.values()), cv=splits, scoring="f1_macro"
    )
    assert 0.75 < scores.mean() < 0.9


def test_every_class_is_in_every_part_of_the_default_split(classes):
    from kerasft.tasks.labelled.labelled_texts import CorpusOptions, load_labelled

    dataset = load_labelled(CorpusOptions())
    for part in (dataset.train, dataset.validation, dataset.test):
        counts = Counter(part["label"])
        assert set(counts) == set(classes)
        assert min(counts.values()) >= 5
    steps = {step.name: step.rows_in - step.rows_out for step in dataset.steps}
    assert steps["short texts"] == SHORT
    assert steps["duplicates"] == REPEATED + 1  # of the one under two products neither row stays
