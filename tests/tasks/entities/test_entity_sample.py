"""The sample corpus of named entities keeps the promises of its README."""

import calendar
import re
import unicodedata
from collections import Counter, defaultdict

import pytest

from kerasft.data.samples import sample_path
from kerasft.data.splits import normalize

pytestmark = pytest.mark.plain

TYPES = {"PER", "ORG", "LOC", "MISC"}
# The only tokens that end in a mark: abbreviations and initials.
ABBREVIATIONS = {"Dr.", "Inc.", "Jr.", "Ltd.", "Mr.", "Mrs.", "Ms.", "P.S.", "St.", "p.m."}
TITLES = {"Dr.", "Mr.", "Mrs.", "Ms.", "Aunt", "Captain", "Chef", "Councilor", "Frau", "Pope"}
CALENDAR = {*calendar.day_name, *calendar.month_name} - {"May"}  # May is a woman too

Sentence = tuple[list[str], list[str]]


@pytest.fixture(scope="module")
def sentences() -> list[Sentence]:
    # Decoding is strict: a byte that is not UTF-8 fails here.
    text = sample_path("entities").read_text(encoding="utf-8")
    assert text.endswith("\n") and not text.endswith("\n\n")
    blocks = [[line.split("\t") for line in block.split("\n")] for block in text[:-1].split("\n\n")]
    assert all(len(row) == 2 and all(row) for block in blocks for row in block)
    return [([token for token, _ in block], [tag for _, tag in block]) for block in blocks]


def entities(sentence: Sentence) -> list[tuple[list[str], str]]:
    """The entities of a sentence: (tokens, type), read from BIO tags that are known to be valid."""
    found: list[tuple[list[str], str]] = []
    for token, tag in zip(*sentence, strict=True):
        if tag.startswith("B-"):
            found.append(([token], tag[2:]))
        elif tag.startswith("I-"):
            found[-1][0].append(token)
    return found


def test_tags_are_bio(sentences):
    for tokens, tags in sentences:
        before = "O"
        for tag in tags:
            assert tag == "O" or (tag[:2] in {"B-", "I-"} and tag[2:] in TYPES), (tag, tokens)
            if tag.startswith("I-"):
                assert before != "O" and before[2:] == tag[2:], (tag, tokens)
            before = tag


def test_sizes(sentences):
    counts = Counter(kind for sentence in sentences for _, kind in entities(sentence))
    empty = sum(not entities(sentence) for sentence in sentences)
    assert len(sentences) >= 260
    assert set(counts) == TYPES
    assert min(counts.values()) >= 60
    assert empty >= 30
    readme = sample_path("entities").with_name("README.md").read_text(encoding="utf-8")
    tokens = sum(len(tokens) for tokens, _ in sentences)
    assert f"{len(sentences)} sentences, {tokens:,} tokens" in readme
    assert f"{empty} sentences have no entity" in readme
    for kind, count in counts.items():
        assert f"| `{kind}` | {count} |" in readme


def test_no_sentence_stands_twice(sentences):
    counts = Counter(normalize(" ".join(tokens)) for tokens, _ in sentences)
    assert [text for text, count in counts.items() if count > 1] == []


def test_tokens_are_split_as_in_the_penn_treebank(sentences):
    for tokens, _ in sentences:
        assert 2 <= len(tokens) <= 60, tokens
        for token in tokens:
            assert token == unicodedata.normalize("NFC", token)
            assert not re.search(r"\s", token)
            assert not re.search(r"[\u2018-\u201f\[\]]", token), tokens
            if re.search(r"\w", token) and token not in ABBREVIATIONS:
                assert re.fullmatch(r"'?\w.*\w|'?\w|[A-Z]\.", token), (token, tokens)
            assert not re.search(r"\w('s|n't|'ll|'re|'ve|'m)$", token) or token == "n't", tokens


def test_entities_hold_names_alone(sentences):
    """No entity starts or ends in a mark, an article or a title, or is a day or a month."""
    for sentence in sentences:
        for tokens, kind in entities(sentence):
            name = " ".join(tokens)
            assert re.search(r"\w", tokens[0]) and re.search(r"\w", tokens[-1]), name
            assert tokens[0] not in {"the", "a", "an", "THE"} | TITLES, name
            assert name not in CALENDAR, name
            assert kind == "PER" or not set(tokens) & {"Jr."}, name


def test_a_name_in_lower_case_stands_in_a_post_only(sentences):
    for tokens, tags in sentences:
        for token, tag in zip(tokens, tags, strict=True):
            if tag.startswith("B-") and token[0].islower():
                posts = any(token == "i" for token in tokens) or tokens[0][0].islower()
                assert posts or token.startswith("al-"), tokens


def test_what_the_corpus_is_meant_to_teach(sentences):
    """Ambiguous names, names of several words, repeated names, headlines in capitals."""
    types = defaultdict(set)
    words: Counter[str] = Counter()
    repeated = 0
    for sentence in sentences:
        found = entities(sentence)
        for tokens, kind in found:
            types[tokens[0].lower()].add(kind)
            words[kind] += len(tokens) > 1
        names = Counter((tuple(tokens), kind) for tokens, kind in found)
        repeated += max(names.values(), default=0) > 1
    for name in ("washington", "jordan", "florence", "georgia", "lincoln", "reading", "chelsea"):
        assert len(types[name]) > 1, name
    assert min(words[kind] for kind in TYPES) >= 60
    assert repeated >= 10
    headlines = [s for s in sentences if " ".join(s[0]).isupper()]
    assert len(headlines) == 26
    assert sum(bool(entities(headline)) for headline in headlines) >= 15


def test_types_are_mixed_through_the_file(sentences):
    """A reader that takes the first rows only still sees every type, and a sentence without."""
    first = [entities(sentence) for sentence in sentences[:20]]
    assert {kind for found in first for _, kind in found} == TYPES
    assert [] in first
