"""Wrong labels that were planted, and near-duplicates that contradict each other."""

import csv
from itertools import pairwise

import numpy as np
import pytest

from harness.texts import labelled
from kerasft.tasks.labelled import doubtful_rows
from kerasft.tasks.labelled.dataset import Dataset
from kerasft.tasks.labelled.doubtful_rows import TFIDF, find_doubtful
from kerasft.tasks.labelled.duplicates import conflicting_rows
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.plain

WORDS = {
    "sports": "goal match team striker league coach stadium referee season trophy",
    "money": "bank loan interest market shares profit budget tax invoice credit",
    "food": "soup bread cheese recipe oven salad dinner pepper butter kitchen",
}
COMMON = ["the", "a", "of", "in", "and", "it", "was", "they", "had", "with", "said", "today"]


def texts_of(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of two words of their class and six of any."""
    random = np.random.default_rng(seed)
    labels = [list(WORDS)[row % len(WORDS)] for row in range(count)]
    texts = []
    for label in labels:
        own = random.choice(WORDS[label].split(), 2, replace=False)
        texts.append(" ".join(random.permutation([*own, *random.choice(COMMON, 6)])))
    return texts, labels


def dataset_of(texts: list[str], labels: list[str]) -> Dataset:
    """Four fifths to train, a tenth each to validate and to test."""
    ends = [0, len(texts) * 8 // 10, len(texts) * 9 // 10, len(texts)]
    parts = [
        labelled(texts[start:end], labels[start:end], "made.csv", "")
        for start, end in pairwise(ends)
    ]
    return Dataset(*parts, test_sha256="", notes=[])


def planted(texts: list[str], labels: list[str], share: float) -> tuple[Dataset, set[str]]:
    """A dataset in which a share of the labels is wrong, and the texts of these."""
    random = np.random.default_rng(1)
    wrong = random.choice(len(texts), int(share * len(texts)), replace=False)
    names = list(WORDS)
    for row in wrong:
        labels[row] = names[(names.index(labels[row]) + random.integers(1, 3)) % 3]
    return dataset_of(texts, labels), {texts[row] for row in wrong}


def test_most_of_the_wrong_labels_are_found():
    texts, labels = texts_of(600)
    truth = dict(zip(texts, labels, strict=True))
    dataset, wrong = planted(texts, labels, 0.05)
    found = find_doubtful(dataset, LabelMap.from_labels(labels))
    hits = [each for each in found.mislabelled if each.text in wrong]
    assert len(wrong) == 30 and len(hits) >= 22  # most of them (24),
    assert len(found.mislabelled) - len(hits) <= 3  # and few others (none)
    assert all(each.suggested == truth[each.text] for each in hits)
    first = found.mislabelled[0]
    assert first.text in wrong and first.probability > 0.5
    assert {each.part for each in hits} == {"train", "validation", "test"}
    assert str(first).startswith(f"{first.label!r}, perhaps {first.suggested!r}")
    assert TFIDF in found.looked_at and found.looked_at.startswith("examined all rows")
    assert len(found.describe()) == 3 + 5


def test_few_are_found_where_all_labels_are_right():
    texts, labels = texts_of(600)
    found = find_doubtful(dataset_of(texts, labels), LabelMap.from_labels(labels))
    assert len(found.mislabelled) <= 3 and found.conflicts == []


def test_who_knows_nothing_doubts_nothing():
    texts, labels = texts_of(200)
    by_chance = np.random.default_rng(2).permutation(labels).tolist()
    found = find_doubtful(dataset_of(texts, by_chance), LabelMap.from_labels(labels))
    assert found.mislabelled == []
    assert found.looked_at.endswith("too few to doubt any of them")


def test_the_features_are_taken_where_they_say_more():
    texts, labels = texts_of(300)
    random = np.random.default_rng(2)
    label_map = LabelMap.from_labels(labels)
    telling = np.eye(3)[label_map.encode(labels)] + 0.1 * random.normal(size=(300, 3))
    texts = [" ".join(random.choice(COMMON, 8)) for _ in texts]  # which say nothing
    dataset, wrong = planted(texts, labels, 0.05)
    found = find_doubtful(dataset, label_map, ("some features", telling))
    assert "over some features" in found.looked_at
    hits = wrong & {each.text for each in found.mislabelled}
    assert len(wrong) == 15 and len(hits) >= 10 and len(found.mislabelled) <= len(hits) + 1
    noise = find_doubtful(
        dataset_of(*texts_of(300)), label_map, ("noise", random.normal(size=(300, 3)))
    )
    assert f"over {TFIDF}" in noise.looked_at


def test_the_same_text_is_never_on_both_sides():
    texts, labels = texts_of(120)
    keys, ids = [*texts, *texts], LabelMap.from_labels(labels).encode([*labels, *labels])
    folds = doubtful_rows._folds(keys, ids)
    assert (folds[:120] == folds[120:]).all()
    assert np.bincount(folds).tolist() == [48] * 5


def test_a_class_that_is_too_small_and_rows_that_are_too_many(monkeypatch):
    texts, labels = texts_of(300)
    alone = dataset_of([*texts, "one of its kind"], [*labels, "other"])
    found = find_doubtful(alone, LabelMap.from_labels([*labels, "other"]))
    assert found.looked_at.startswith("examined 300 of 301 rows")
    monkeypatch.setattr(doubtful_rows, "MOST_ROWS", 100)
    found = find_doubtful(dataset_of(texts, labels), LabelMap.from_labels(labels))
    assert found.looked_at.startswith("examined 100 of 300 rows")


def test_near_duplicates_with_different_labels(tmp_path):
    texts, labels = texts_of(90)
    long = " ".join(f"word{number}" for number in range(40))
    texts += [long, f"{long} more", f"{long} most"]
    labels += ["money", "food", "money"]
    found = find_doubtful(dataset_of(texts, labels), LabelMap.from_labels(labels))
    assert [(each.text, each.label, each.suggested) for each in found.conflicts] == [
        (long, "money", "food"), (f"{long} more", "food", "money"),
        (f"{long} most", "money", "food"),
    ]  # fmt: skip
    found.write(tmp_path / "doubtful_rows.csv")
    with open(tmp_path / "doubtful_rows.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(found.mislabelled) + 3
    assert rows[-1]["text"] == f"{long} most" and rows[-1]["why"] == "near-duplicate in test"
    assert rows[-1]["suggested"] == "food" and 0 <= float(rows[-1]["probability"]) <= 1


def test_pairs_of_texts(tmp_path):
    texts, labels = texts_of(60)
    dataset = dataset_of(texts, labels)
    parts = [
        part.replaced(text_pair=[f"and {text}" for text in part["text"]])
        for part in dataset.parts.values()
    ]
    found = find_doubtful(Dataset(*parts, test_sha256="", notes=[]), LabelMap.from_labels(labels))
    found.write(tmp_path / "doubtful_rows.csv")
    assert (tmp_path / "doubtful_rows.csv").read_text("utf-8").startswith("text,text_pair,label,")


def test_conflicting_rows_by_hand():
    texts = ["a b", "A, b!", "a b", "c", "d"]
    assert conflicting_rows(texts, np.array([0, 1, 0, 0, 1]), 0.8) == [(0, 1), (1, 0), (2, 1)]
