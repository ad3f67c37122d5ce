"""Rows of pairs of texts: read, compared as a whole, and split."""

import csv
import json
from pathlib import Path

import pytest

from kerasft.data.readers import read_texts
from kerasft.data.rows import Rows
from kerasft.data.splits import normalize, split_by_hash
from kerasft.data.text_pairs import texts_of, unordered_texts, whole_texts
from kerasft.errors import DataError

pytestmark = pytest.mark.plain

PAIRS = [("Is it on?", "Is it off?", "no"), ("It is late.", "It is not early.", "yes")]


def rows(*pairs: tuple[str, str, str]) -> Rows:
    text, text_pair, label = map(list, zip(*pairs, strict=True))
    return Rows({"text": text, "text_pair": text_pair, "label": label}, "pairs.csv", "5d41")


def write(path: Path, *lines: list[str]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(lines)
    return path


def test_pairs_are_read_from_csv_and_json_lines(tmp_path):
    table = write(tmp_path / "a.csv", ["a", "b", "y"], *map(list, PAIRS))
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(json.dumps(dict(zip("aby", p, strict=True))) + "\n" for p in PAIRS))
    for path in (table, lines):
        found = read_texts(path, "a", "y", text_pair_column="b")
        assert texts_of(found) == [pair[:2] for pair in PAIRS]
        assert found["label"] == ["no", "yes"]
    assert texts_of(read_texts(table, "a", "y")) == [pair[0] for pair in PAIRS]


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ("c", "has no column 'c'; its columns are 'a', 'b', 'y' (choose with --text_pair_column)"),
        ("a", "the text and the text_pair are both to come from column 'a'"),
        ("y", "the text_pair and the label are both to come from column 'y'"),
        ("b", "has an empty text_pair in line 3; fill in or delete that line"),
    ],
)
def test_a_pair_column_that_cannot_be_used_is_one_sentence(tmp_path, column, sentence):
    path = write(tmp_path / "a.csv", ["a", "b", "y"], ["x", "z", "yes"], ["x", " ", "no"])
    with pytest.raises(DataError) as caught:
        read_texts(path, "a", "y", text_pair_column=column)
    assert sentence in str(caught.value)


def test_pairs_are_equal_where_both_texts_are():
    found = rows(("A b", "c", "x"), (" a  B ", "C", "x"), ("a", "b c", "x"), ("c", "a b", "x"))
    keys = list(map(normalize, whole_texts(found)))
    assert keys[0] == keys[1] and len(set(keys)) == 3
    turned = list(map(normalize, unordered_texts(found)))
    assert turned[0] == turned[1] == turned[3] != turned[2]


def splits(found: Rows) -> list[set[tuple[str, str, str]]]:
    split = split_by_hash(whole_texts(found), found["label"], together=unordered_texts(found))
    return [
        {(found["text"][row], found["text_pair"][row], found["label"][row]) for row in part}
        for part in (split.train, split.validation, split.test)
    ]


def test_pairs_the_other_way_round_share_a_part_whatever_their_labels():
    # An order with both directions: by its name, each pair would count for the one class alone.
    once = [(f"q{i}", f"a{i}", "before") for i in range(60)]
    parts = splits(rows(*once, *((b, a, "after") for a, b, _ in once)))
    assert sum(map(len, parts)) == 120 and all(parts)
    for part in parts:
        assert {(b, a) for a, b, _ in part} == {(a, b) for a, b, _ in part}


def test_the_order_of_rows_and_of_files_moves_nothing():
    pairs = [(f"q{i % 9}", f"a{i}", "yn"[i % 2]) for i in range(60)]
    assert splits(rows(*pairs)) == splits(rows(*pairs[::-1]))


def test_without_pairs_the_split_is_by_the_texts_alone():
    texts, labels = [f"t{i % 25}" for i in range(40)], ["yn"[i % 2] for i in range(40)]
    table = Rows({"text": texts, "label": labels}, "t.csv", "5d41")
    assert whole_texts(table) == unordered_texts(table) == texts
    split = split_by_hash(texts, labels)
    assert (split.duplicates, split.conflicts) == (15, 15)
    # As it was before there were pairs: nobody's test rows may move.
    assert split.test.tolist() == [35, 10, 1, 26, 27, 2, 18]
    assert split.validation.tolist() == [17, 23, 39, 14, 20]
