"""The sample corpus that ships with the package keeps the promises of its README."""

import csv
import re
from collections import Counter
from importlib import resources
from itertools import combinations
from pathlib import Path

import pytest

pytestmark = pytest.mark.plain

LABELS = {"news", "opinion", "comparison"}
NAMES = {"jon", "sumit"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    corpus = resources.files("kerasft") / "data" / "samples" / "conversations.csv"
    # Decoding is strict: a byte that is not UTF-8 fails here.
    return list(csv.DictReader(corpus.read_text(encoding="utf-8").splitlines(), strict=True))


def content_words(text: str) -> set[str]:
    """The lower-cased words of a row without stop words and the speakers' names."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())
    return {word.removesuffix("'s") for word in words} - ENGLISH_STOP_WORDS - NAMES


def test_columns_and_size(rows):
    assert all(list(row) == ["text", "label"] for row in rows)
    assert len(rows) >= 300


def test_labels_are_balanced_words(rows):
    counts = Counter(row["label"] for row in rows)
    assert set(counts) == LABELS
    assert max(counts.values()) / min(counts.values()) <= 1.2


def test_every_row_is_jon_or_sumit_in_12_to_45_words(rows):
    for number, row in enumerate(rows, start=2):
        text = row["text"]
        assert re.search(r"\b(Jon|Sumit)\b", text), f"line {number} names neither speaker"
        assert 12 <= len(text.split()) <= 45, f"line {number} has {len(text.split())} words"
        assert text == " ".join(text.split()), f"line {number} has stray whitespace"


def test_no_duplicates(rows):
    counts = Counter(" ".join(row["text"].casefold().split()) for row in rows)
    assert [text for text, count in counts.items() if count > 1] == []


def test_no_two_rows_share_more_than_half_of_their_content_words(rows):
    words = [content_words(row["text"]) for row in rows]
    assert min(map(len, words)) >= 5  # so that the share below means something
    too_close = [
        (rows[i]["text"], rows[j]["text"])
        for i, j in combinations(range(len(rows)), 2)
        if len(words[i] & words[j]) > 0.5 * min(len(words[i]), len(words[j]))
    ]
    assert too_close == []


def test_labels_are_mixed_through_the_file(rows):
    """A reader that takes the first rows only still sees every label."""
    assert {row["label"] for row in rows[:20]} == LABELS


def test_the_checks_of_the_corpus_prompt_page_pass(run_python, tmp_path):
    """The page's own script runs as printed, and the corpus meets what the page asks for."""
    page = (Path(__file__).parents[2] / "docs" / "corpus_prompt.md").read_text(encoding="utf-8")
    script = page.split("```python\n")[1].split("```")[0]
    corpus = resources.files("kerasft") / "data" / "samples" / "conversations.csv"
    (tmp_path / "check.py").write_text(script.replace("my.csv", str(corpus)), encoding="utf-8")
    result = run_python(tmp_path / "check.py")
    assert result.returncode == 0, result.stderr
    assert "339 rows" in result.stdout and "duplicates: 0" in result.stdout
    assert "too alike" not in result.stdout
