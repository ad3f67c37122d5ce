"""The sample of pairs is what its script writes, and keeps what its page says of it."""

from collections import Counter
from pathlib import Path

import pytest

from kerasft.data.readers import read_texts
from kerasft.data.samples import sample_path
from kerasft.data.text_pairs import single_texts, texts_of, unordered_texts
from tools import sample_duplicates

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def rows():
    return read_texts(sample_path("duplicates"), text_pair_column="text_pair")


def test_the_script_writes_the_file(tmp_path: Path):
    sample_duplicates.main(str(tmp_path / "duplicates.csv"))
    assert (tmp_path / "duplicates.csv").read_bytes() == sample_path("duplicates").read_bytes()


def test_no_pair_stands_twice_and_no_text_often(rows):
    assert Counter(rows["label"]) == {"different": 600, "duplicate": 600}
    assert len(set(unordered_texts(rows))) == len(rows)
    assert max(Counter(single_texts(rows)).values()) <= 4


def test_neither_label_shares_more_words(rows):
    shared: dict[str, list[int]] = {label: [] for label in sample_duplicates.LABELS}
    for (text, pair), label in zip(texts_of(rows), rows["label"], strict=True):
        shared[label].append(len(set(text.lower().split()) & set(pair.lower().split())))
    different, duplicate = (sum(counts) / len(counts) for counts in shared.values())
    assert abs(different - duplicate) < 0.5
