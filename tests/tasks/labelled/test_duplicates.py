"""Texts that are the same, and texts that are nearly so, against a count by hand."""

import re

import numpy as np
import pytest

from harness.texts import labelled
from kerasft.data.rows import Rows
from kerasft.errors import ConfigError
from kerasft.tasks.labelled import duplicates
from kerasft.tasks.labelled.duplicates import (
    drop_duplicates,
    drop_near_duplicates,
    near_duplicates,
    shingles_of,
    without_texts_of,
)

pytestmark = pytest.mark.plain

LETTER = re.findall(
    r"\w+",
    "I am writing to dispute an account on my credit report that I never opened with your company "
    "and I want it removed within thirty days as the law says or I will take you to court",
)


def table_of(*rows: tuple[str, str]) -> Rows:
    return labelled([text for text, _ in rows], [label for _, label in rows], "made.csv", "")


def test_equal_texts():
    table, step = drop_duplicates(
        table_of(
            ("Pay me  back", "a"),
            ("other", "b"),
            ("pay ME\nback", "a"),
            ("both", "a"),
            ("Both", "b"),
            ("PAY me back", "a"),
            ("both ", "a"),
        )
    )
    assert table["text"] == ["Pay me  back", "other"] and table["label"] == ["a", "b"]
    assert (step.rows_in, step.rows_out) == (7, 2)
    assert step.why == ("2 rows repeat an earlier text, 3 rows of 1 text with conflicting labels")


def test_nothing_equal():
    table, step = drop_duplicates(table_of(("a", "x"), ("b", "x")))
    assert len(table) == 2 and step.why == "no rows repeat an earlier text"


def test_texts_of_another_table():
    table = table_of(("One", "a"), ("two", "a"), ("three", "b"))
    kept, leaked = without_texts_of(table, table_of(("TWO ", "b"), ("one", "a")))
    assert kept["text"] == ["three"] and leaked == 2


def test_shingles():
    assert shingles_of("One, two: three four five SIX!") == {
        "one two three four five", "two three four five six",
    }  # fmt: skip
    assert shingles_of("Too short.") == {"too short"}
    assert shingles_of("a b c d e") == {"a b c d e"}
    assert shingles_of("!") == {""}


def jaccard(first: str, second: str) -> float:
    a, b = shingles_of(first), shingles_of(second)
    return len(a & b) / len(a | b)


def test_every_pair_is_measured_exactly(monkeypatch):
    monkeypatch.setattr(duplicates, "CHUNK", 7)  # several chunks, the last one short
    rng = np.random.default_rng(0)
    texts = []
    for _ in range(60):
        words = list(LETTER)
        for place in rng.integers(len(words), size=rng.integers(0, 5)):
            words[place] = str(rng.choice(["bank", "loan", "date", "unnamed"]))
        texts.append(" ".join(words[rng.integers(0, 4) :]))
    others = texts[40:]
    values = np.array([[jaccard(text, other) for other in others] for text in texts[:40]])
    for threshold in (0.2, 0.5, 0.8, 1.0):
        expected = (values >= threshold).any(axis=1)
        assert near_duplicates(texts[:40], others, threshold).tolist() == expected.tolist()
    assert 0 < (values >= 0.8).any(axis=1).sum() < 40  # both answers occur


def test_a_threshold_is_met_to_the_last_digit():
    # 9 shingles of 10: Jaccard 0.9, and 0.9 * 10 would be 9.000000000000002 in some orders.
    first = " ".join(LETTER[:13])
    second = " ".join(LETTER[:14])
    assert jaccard(first, second) == 0.9
    assert near_duplicates([first], [second], 0.9).all()
    assert not near_duplicates([first], [second], 0.91).any()


def test_rows_that_are_nearly_held_out():
    letter, other = " ".join(LETTER), " ".join(reversed(LETTER))
    train = table_of(
        (letter.replace("thirty", "XXXX").upper(), "a"), (other, "b"), ("short one", "a"),
        ("short two", "b"),
    )  # fmt: skip
    test = table_of((letter, "a"), ("Short one!", "b"))
    kept, step = drop_near_duplicates(train, [test, table_of(("x", "a"))], 0.6, "train")
    assert kept["text"] == [other, "short two"] and kept["label"] == ["b", "b"]
    assert step.name == "near duplicates (train)" and (step.rows_in, step.rows_out) == (4, 2)
    assert step.why == "2 texts are nearly one of 3 held-out texts (Jaccard 0.6 or more)"


def test_the_search_can_be_switched_off():
    table = table_of((" ".join(LETTER), "a"))
    kept, step = drop_near_duplicates(table, [table], 0, "train")
    assert kept == table and step.why == "not looked for"
    assert drop_near_duplicates(table, [], 0.8, "train")[0] == table


@pytest.mark.parametrize("threshold", [-0.1, 1.01, float("nan")])
def test_no_jaccard_index(threshold):
    table = table_of(("a", "a"))
    with pytest.raises(ConfigError, match=r"--near_duplicates is .*; give the Jaccard index"):
        drop_near_duplicates(table, [table], threshold, "train")
