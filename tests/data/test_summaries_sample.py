"""The sample corpus of texts and summaries keeps the promises of its README."""

import re
from collections import Counter
from itertools import combinations

import pytest

from kerasft.data.pairs import read_pairs
from kerasft.data.samples import sample_path
from kerasft.data.splits import normalize

pytestmark = pytest.mark.plain


@pytest.fixture(scope="module")
def rows() -> list[list[str]]:
    # Decoding is strict: a byte that is not UTF-8 fails here.
    lines = sample_path("summaries").read_text(encoding="utf-8").split("\n")
    assert lines.pop() == ""
    return [line.split("\t") for line in lines]


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())


def content_words(text: str) -> set[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return {word.removesuffix("'s") for word in words(text)} - ENGLISH_STOP_WORDS


def first_sentence(text: str) -> str:
    """Up to the first mark that ends a sentence and is no abbreviation's."""
    return re.split(r"(?<=[.!?])(?<!Mr\.)(?<!Ms\.)(?<!Dr\.)(?<!Prof\.) ", text)[0]


def turns(text: str) -> int:
    """How often a speaker is named: "Mara: Did you ..." """
    return len(re.findall(r"(?:^|[.?!] )[A-Z][\w. ]{1,12}: ", text))


def test_sizes(rows):
    assert all(len(row) == 2 for row in rows)
    assert len(rows) >= 80
    readme = sample_path("summaries").with_name("README.md").read_text(encoding="utf-8")
    assert f"{len(rows)} rows without a header line" in readme
    dialogues = sum(turns(text) >= 4 for text, _ in rows)
    assert f"{dialogues} are dialogues" in readme
    texts, summaries = zip(*rows, strict=True)
    for column, name in ((texts, "texts"), (summaries, "summaries")):
        lengths = [len(text.split()) for text in column]
        mean = round(sum(lengths) / len(lengths))
        assert f"{name} of {min(lengths)} to {max(lengths)} words ({mean} on average)" in readme


def test_every_row_is_clean(rows):
    for number, (text, summary) in enumerate(rows, start=1):
        assert 40 <= len(text.split()) <= 110, f"line {number} has {len(text.split())} words"
        assert 8 <= len(summary.split()) <= 20, f"line {number}: {summary}"
        for side in (text, summary):
            assert side == " ".join(side.split()), f"line {number} has stray whitespace"
            assert side.isascii(), f"line {number} has more than ASCII"
        assert summary[0].isupper() and summary[-1] == ".", f"line {number}: {summary}"


def test_nothing_stands_twice(rows):
    for column in zip(*rows, strict=True):
        counts = Counter(normalize(text) for text in column)
        assert [text for text, count in counts.items() if count > 1] == []
    sentences = Counter(
        sentence
        for text, _ in rows
        for sentence in re.split(r"(?<=[.!?]) ", text)
        if len(sentence.split()) > 3
    )
    assert [sentence for sentence, count in sentences.items() if count > 1] == []


def test_no_two_rows_are_about_the_same(rows):
    sets = [content_words(" ".join(row)) for row in rows]
    too_close = [
        (rows[i][1], rows[j][1])
        for i, j in combinations(range(len(rows)), 2)
        if len(sets[i] & sets[j]) > 0.25 * min(len(sets[i]), len(sets[j]))
    ]
    assert too_close == []


def test_summaries_are_written_not_copied(rows):
    """No four words in a row from the text, and never the first sentence in other clothes."""
    for text, summary in rows:
        source, target = words(text), words(summary)
        runs = {tuple(source[i : i + 4]) for i in range(len(source) - 3)}
        copied = [target[i : i + 4] for i in range(len(target) - 3)]
        assert not [run for run in copied if tuple(run) in runs], summary
        said = content_words(summary)
        share = len(said & content_words(first_sentence(text))) / len(said)
        assert share <= 0.5, f"{share:.2f}: {summary}"


def test_the_reader_of_pairs_takes_it(rows):
    table = read_pairs(sample_path("summaries"))
    assert [table["source"], table["target"]] == [
        list(column) for column in zip(*rows, strict=True)
    ]
