"""The label map."""

import json

import numpy as np
import pytest

from kerasft.errors import DataError
from kerasft.text.labels import LabelMap

pytestmark = pytest.mark.plain


def test_names_are_sorted_whatever_the_order_of_rows():
    names = ["b", "a", "é", "B", "10", "9", "a"]
    labels = LabelMap.from_labels(names)
    assert labels == LabelMap.from_labels(reversed(names))
    assert labels.names == ("10", "9", "B", "a", "b", "é")
    assert len(labels) == 6


def test_encode_and_decode_are_inverse():
    labels = LabelMap(("no", "yes", "maybe"))
    ids = labels.encode(["maybe", "no", "no", "yes"])
    assert ids.dtype == np.int32
    assert ids.tolist() == [2, 0, 0, 1]
    assert labels.decode(ids) == ["maybe", "no", "no", "yes"]
    assert labels.encode([]).shape == (0,)


def test_unseen_labels_are_named():
    labels = LabelMap(("no", "yes"))
    with pytest.raises(DataError) as caught:
        labels.encode(["yes", "perhaps", "No", "perhaps"])
    message = str(caught.value)
    assert "'perhaps' (row 1), 'No' (row 2)" in message
    assert "'no', 'yes'" in message


def test_long_lists_are_shortened():
    labels = LabelMap(tuple(f"class {i}" for i in range(100)))
    with pytest.raises(DataError) as caught:
        labels.encode([f"other {i}" for i in range(50)])
    message = str(caught.value)
    assert "and 45 more" in message and "and 80 more" in message
    assert len(message) < 700


@pytest.mark.parametrize("index", [-1, 2, 10**9])
def test_ids_outside_are_refused(index):
    with pytest.raises(DataError, match="ids go from 0 to 1"):
        LabelMap(("no", "yes")).decode([0, index])


def test_saved_file_is_plain_json_and_loads_back(tmp_path):
    labels = LabelMap(("größe", 'with "quotes"', "日本", "a\nb"))
    labels.save(tmp_path / "label_map.json")
    text = (tmp_path / "label_map.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"0": "größe", "1": 'with "quotes"', "2": "日本", "3": "a\nb"}
    assert "größe" in text
    assert LabelMap.load(tmp_path / "label_map.json") == labels


def test_more_than_ten_classes_keep_their_order(tmp_path):
    labels = LabelMap(tuple(f"class {i}" for i in range(25)))
    labels.save(tmp_path / "label_map.json")
    assert LabelMap.load(tmp_path / "label_map.json").names == labels.names


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "at least one"),
        (("a", "a"), "same name: 'a'"),
        (("a", ""), "non-empty"),
        (("a", "  "), "non-empty"),
        (("a", 3), "non-empty strings"),
        (("a", "\ud800"), "surrogate"),
    ],
)
def test_bad_names(names, message):
    with pytest.raises(DataError, match=message):
        LabelMap(names)


def test_labels_that_are_no_strings():
    with pytest.raises(DataError, match="NoneType"):
        LabelMap.from_labels(["a", None])
    with pytest.raises(DataError, match="at least one"):
        LabelMap.from_labels([])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"a"',
        b'{"0": "a", "2": "b"}',
        b'{"00": "a"}',
        b'{"0": 1}',
        b'{"0": "a", "1": "a"}',
        b'{"0": null}',
        b'{"a": "0"}',
        b"{}",
        b'{"0": "\xff"}',
        b"[" * 100_000,
    ],
    ids=lambda content: content[:20].decode("latin-1"),
)
def test_broken_files(tmp_path, content):
    (tmp_path / "label_map.json").write_bytes(content)
    with pytest.raises(DataError):
        LabelMap.load(tmp_path / "label_map.json")


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="cannot read the label map"):
        LabelMap.load(tmp_path / "label_map.json")
