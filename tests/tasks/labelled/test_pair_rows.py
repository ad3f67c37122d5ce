"""What is done to rows of pairs before a model sees them: each step takes a pair as a whole."""

import csv
from pathlib import Path

import numpy as np
import pytest

from kerasft import load_data
from kerasft.data.rows import Rows
from kerasft.data.text_pairs import texts_of
from kerasft.errors import ConfigError, DataError
from kerasft.tasks.labelled import sampling
from kerasft.tasks.labelled.duplicates import (
    drop_duplicates,
    drop_near_duplicates,
    without_texts_of,
)
from kerasft.tasks.labelled.labelled_texts import LabelledTextOptions, load_labelled
from kerasft.tasks.labelled.steps import clean_texts, drop_short
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.text.cleaning import Cleaning

pytestmark = pytest.mark.plain


def rows(*pairs: tuple[str, str], labels: str = "") -> Rows:
    text, text_pair = map(list, zip(*pairs, strict=True))
    found = {"text": text, "text_pair": text_pair, "label": list(labels or "x" * len(pairs))}
    return Rows(found, "pairs.csv", "5d41")


def words(prefix: str, count: int = 30) -> str:
    return " ".join(f"{prefix}{number}" for number in range(count))


def write(path: Path, table: list[tuple[str, str, str]]) -> str:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("a", "b", "y"), *table])
    return str(path)


def test_both_texts_are_cleaned():
    table, step = clean_texts(rows(("<b>a</b>", "b"), ("c", "<i>d</i>")), Cleaning(html=True))
    assert texts_of(table) == [(" a ", "b"), ("c", " d ")]
    assert step.why == "2 texts changed by html"


def test_a_pair_is_as_long_as_both_texts_but_neither_may_be_without_a_word():
    table = rows(("one", "two three four"), ("one two three four five", "!"), ("one", "two"))
    kept, step = drop_short(table, 3)
    assert texts_of(kept) == [("one", "two three four")]
    assert step.why == "2 pairs have fewer than 3 words, or none in one of its texts"


def test_the_first_of_equal_pairs_stays_and_none_of_conflicting_ones():
    table = rows(("a", "b"), ("A", " b"), ("b", "a"), ("c", "d"), ("c", "d"), labels="xxyxy")
    kept, step = drop_duplicates(table)
    assert texts_of(kept) == [("a", "b"), ("b", "a")]  # the other way round is another pair
    assert step.why == "1 row repeats an earlier pair, 2 rows of 1 pair with conflicting labels"


def test_a_pair_of_the_test_is_left_out_the_other_way_round_too():
    table, test = rows(("a", "b"), ("b", "a"), ("a", "c")), rows(("B", "a"))
    kept, gone = without_texts_of(table, test)
    assert (texts_of(kept), gone) == ([("a", "c")], 2)


def test_two_pairs_are_nearly_the_same_if_both_of_their_texts_are():
    premise, other = words("p"), words("q")
    held_out = rows((premise, other))
    table = rows(
        (premise + " more", other),
        (other, "more " + premise),  # the other way round
        (premise, words("r")),  # the same text with another one
        (words("s"), other),
        (premise, premise),
    )
    kept, step = drop_near_duplicates(table, [held_out], 0.8, "train")
    assert texts_of(kept) == texts_of(table)[2:]
    assert step.why == "2 pairs are nearly one of 1 held-out pairs (Jaccard 0.8 or more)"


def test_a_sample_is_drawn_by_the_whole_pair():
    table = rows(*((f"q{i % 3}", f"a{i}") for i in range(60)), labels="xy" * 30)
    kept, step = sampling.sample(table, 20, seed=0)
    turned, _ = sampling.sample(table.take(range(59, -1, -1)), 20, seed=0)
    assert set(texts_of(kept)) == set(texts_of(turned)) and len(set(texts_of(kept))) == 20
    assert "by a hash of the pair" in step.why


def test_data_of_pairs_are_split_and_described(tmp_path):
    table = [(f"q{i}", f"a{i}", "xy"[i % 2]) for i in range(40)]
    turned = [(b, a, y) for a, b, y in table[:4]]
    train = write(tmp_path / "train.csv", [*table, *turned])
    data = load_data(train, "a", "y", text_pair_column="b")
    assert data.has_pairs and len(data) == 44
    assert "4 pairs also occur the other way round (kept, in the same part)" in data.describe()
    assert data.samples(1)[0].count(" | ") == 1
    parts = [{frozenset(pair) for pair in texts_of(part)} for part in data.parts.values()]
    assert all(not one & other for one in parts for other in parts if one is not other)
    test = write(tmp_path / "test.csv", turned)
    with_test = load_data(train, "a", "y", text_pair_column="b", test_data=test)
    assert "pairs of the test file: 44 -> 36 rows (8 of the pairs are test pairs)" in (
        with_test.describe()
    )


def test_what_cannot_be_used_is_one_sentence(tmp_path):
    path = write(tmp_path / "a.csv", [("a", "b", "x"), ("c", "", "y")])
    with pytest.raises(DataError, match="has an empty text_pair in line 3; fill in or delete"):
        load_data(path, "a", "y", text_pair_column="b")
    with pytest.raises(DataError, match="the text and the text_pair are both to come from"):
        load_data(path, "a", "y", text_pair_column="a")
    options = LabelledTextOptions(data=path, text_pair_column="b", long_texts="head_tail")
    with pytest.raises(ConfigError, match="--long_texts head_tail is for single texts"):
        load_labelled(options)


def test_the_baseline_counts_what_stands_in_both_texts():
    """Whether a word is repeated decides here: neither text tells it by itself."""
    rng, names = np.random.default_rng(0), words("word", 12).split()
    pairs, labels = [], []
    for number in range(400):
        first, second = rng.choice(names, 2, replace=False)
        pairs.append((f"a {first}", f"the {first if number % 2 else second}"))
        labels.append(number % 2)
    baseline = TfidfBaseline.fit(pairs[:300], np.array(labels[:300]), 2)
    found = baseline.probabilities(pairs[300:]).argmax(axis=1)
    assert (found == labels[300:]).mean() > 0.95
    assert any(term.startswith("both ") for term in baseline.vectorizer.vocabulary_)
