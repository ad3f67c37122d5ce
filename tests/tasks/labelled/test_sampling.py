"""A sample keeps the shares of the classes and forgets the order of the rows."""

import random
from collections import Counter

import pytest

from harness.texts import labelled
from kerasft.data.rows import Rows
from kerasft.data.splits import split_by_hash
from kerasft.errors import ConfigError
from kerasft.tasks.labelled.sampling import sample

pytestmark = pytest.mark.plain


def make_table(**counts: int) -> Rows:
    rows = [(f"{name} text {i}", name) for name, count in counts.items() for i in range(count)]
    random.Random(0).shuffle(rows)
    texts, labels = zip(*rows, strict=True)
    return labelled(list(texts), list(labels), "made.csv", "")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (100, {"a": 60, "b": 30, "c": 10}),
        (10, {"a": 4, "b": 3, "c": 3}),  # three of each at least, the rest by share
        (9, {"a": 3, "b": 3, "c": 3}),
        (333, {"a": 200, "b": 100, "c": 33}),
        (999, {"a": 599, "b": 300, "c": 100}),
    ],
)
def test_shares_are_kept(rows, expected):
    table = make_table(a=600, b=300, c=100)
    taken, step = sample(table, rows, 0)
    counts = Counter(taken["label"])
    assert len(taken) == rows == step.rows_out and step.rows_in == 1000
    assert all(abs(counts[name] - expected[name]) <= 1 for name in expected), counts
    assert sum(expected.values()) == rows
    assert all(
        text.startswith(label) for text, label in zip(taken["text"], taken["label"], strict=True)
    )


def test_a_class_of_one_or_two_rows_keeps_them():
    taken, _ = sample(make_table(a=500, b=2, c=1), 20, 0)
    assert Counter(taken["label"]) == {"a": 17, "b": 2, "c": 1}


def test_neither_the_order_nor_other_classes_matter():
    table = make_table(a=90, b=60)
    expected = set(sample(table, 50, 0)[0]["text"])
    order = random.Random(1).sample(range(150), 150)
    shuffled = labelled(
        [table["text"][i] for i in order], [table["label"][i] for i in order], "other.csv", ""
    )
    assert set(sample(shuffled, 50, 0)[0]["text"]) == expected
    assert set(sample(table, 50, 1)[0]["text"]) != expected
    # The rows stay in the order of the file.
    taken = sample(table, 50, 0)[0]["text"]
    assert taken == [text for text in table["text"] if text in expected]


def test_the_sample_is_no_part_of_the_split():
    # With one hash for both, the sample would be what the split puts into the test part first.
    table = make_table(a=200, b=200)
    sampled = set(sample(table, 80, 0)[0]["text"])
    split = split_by_hash(table["text"], table["label"], test=0.2)
    share = sum(table["text"][row] in sampled for row in split.test) / len(split.test)
    assert 0.05 < share < 0.4


@pytest.mark.parametrize("rows", [150, 1000])
def test_all_rows(rows):
    table = make_table(a=90, b=60)
    taken, step = sample(table, rows, 0)
    assert taken == table and step.rows_in == step.rows_out == 150


def test_too_few_rows():
    with pytest.raises(ConfigError, match="--sample 8 is too few for 3 classes, which need 9 rows"):
        sample(make_table(a=600, b=300, c=100), 8, 0)
