"""Tags to spans and back, in every scheme; which scheme it is; what breaks one."""

import random

import pytest

from kerasft.errors import ConfigError, DataError
from kerasft.tasks.entities.sentence import Span
from kerasft.tasks.entities.tag_schemes import (
    SCHEMES,
    detect,
    scheme_named,
    spans_of,
    tag_names,
    tags_of,
)

pytestmark = pytest.mark.plain

TOUCHING = [Span(0, 2, "PER"), Span(3, 5, "LOC"), Span(5, 6, "LOC"), Span(6, 7, "PER")]
TAGS = {
    "IO": "I-PER I-PER O I-LOC I-LOC I-LOC I-PER",
    "IOB1": "I-PER I-PER O I-LOC I-LOC B-LOC I-PER",
    "BIO": "B-PER I-PER O B-LOC I-LOC B-LOC B-PER",
    "BIOES": "B-PER E-PER O B-LOC E-LOC S-LOC S-PER",
    "BILOU": "B-PER L-PER O B-LOC L-LOC U-LOC U-PER",
}


@pytest.mark.parametrize("scheme", TAGS)
def test_the_tags_of_one_sentence(scheme):
    assert tags_of(TOUCHING, 7, scheme) == TAGS[scheme].split()
    spans, violations = spans_of(TAGS[scheme].split(), scheme)
    assert not violations
    merged = [Span(0, 2, "PER"), Span(3, 6, "LOC"), Span(6, 7, "PER")]
    assert list(spans) == (merged if scheme == "IO" else TOUCHING)
    assert detect([TAGS[scheme].split()]) == scheme


def random_spans(rng: random.Random, length: int) -> list[Span]:
    spans, at = [], 0
    while at < length:
        end = rng.randint(at + 1, min(length, at + 4))
        if rng.random() < 0.5:
            spans.append(Span(at, end, rng.choice(["A", "B-C", "I-D", "-"])))
        at = end
    return spans


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "IO"])
def test_random_entities_come_back(scheme):
    rng = random.Random(0)
    for _ in range(2000):
        length = rng.randint(1, 12)
        spans = random_spans(rng, length)
        found, violations = spans_of(tags_of(spans, length, scheme), scheme)
        assert (list(found), violations) == (spans, [])


def test_bio_is_read_as_seqeval_reads_it():
    """Whatever the tags: the reading of `conlleval`, by an implementation that is not ours."""
    from seqeval.metrics.sequence_labeling import get_entities

    rng = random.Random(1)
    tags = [*tag_names(["A", "B"]), "O"]
    for _ in range(2000):
        sentence = [rng.choice(tags) for _ in range(rng.randint(1, 9))]
        theirs = [Span(start, end + 1, kind) for kind, start, end in get_entities(sentence)]
        assert list(spans_of(sentence, "BIO")[0]) == theirs
    letters = [f"{letter}-{kind}" for letter in "BIES" for kind in "AB"]
    for _ in range(2000):
        sentence = [rng.choice([*letters, "O"]) for _ in range(rng.randint(1, 9))]
        theirs = [Span(start, end + 1, kind) for kind, start, end in get_entities(sentence)]
        assert list(spans_of(sentence, "BIOES")[0]) == theirs


@pytest.mark.parametrize(
    ("scheme", "tags", "position", "words"),
    [
        ("BIO", "O I-A", 1, "continues no entity"),
        ("BIO", "B-A I-B", 1, "continues no entity"),
        ("IOB1", "O B-A", 1, "follows no entity"),
        ("IOB1", "I-B B-A", 1, "follows no entity"),
        ("BIOES", "B-A O", 1, "was not ended"),
        ("BIOES", "B-A S-A", 1, "was not ended"),
        ("BIOES", "O E-A", 1, "continues no entity"),
        ("BIOES", "S-A E-A", 1, "continues no entity"),
        ("BIOES", "O B-A", 1, "ends nothing"),
        ("BILOU", "U-A L-A", 1, "continues no entity"),
    ],
)
def test_violations_are_named(scheme, tags, position, words):
    violation = spans_of(tags.split(), scheme)[1][0]
    assert violation.position == position and words in violation.reason


def test_types_alone_are_io_where_it_is_asked_for():
    assert spans_of(["PER", "PER", "O", "LOC"], "IO")[0] == (Span(0, 2, "PER"), Span(3, 4, "LOC"))


@pytest.mark.parametrize(
    ("scheme", "tag"),
    [
        ("BIO", "S-A"),
        ("BIO", "PER"),
        ("BIOES", "U-A"),
        ("IO", "B-A"),
        ("BIO", "B-"),
        ("BIO", "b-A"),
    ],
)
def test_a_tag_of_another_scheme_is_refused(scheme, tag):
    with pytest.raises(DataError, match=tag):
        spans_of(["O", tag], scheme)


def test_schemes_by_their_names():
    for name, scheme in (
        ("iob2", "BIO"), ("IOB-2", "BIO"), ("bio", "BIO"), ("IOBES", "BIOES"), ("iob", "IOB1"),
        ("bilou", "BILOU"), ("io", "IO"),
    ):  # fmt: skip
        assert scheme_named(name) == scheme
    with pytest.raises(ConfigError, match=r"'BMES'.*IO, IOB1, BIO"):
        scheme_named("BMES")


@pytest.mark.parametrize(
    ("corpus", "scheme"),
    [
        (["O O"], "BIO"),
        (["I-A I-A", "O I-B"], "IO"),
        (["B-A O", "O B-B"], "BIO"),
        (["B-A I-A"], "BIO"),
        (["I-A B-A", "I-B"], "IOB1"),
        (["S-A"], "BIOES"),
        (["B-A L-A"], "BILOU"),
    ],
)
def test_the_scheme_is_found_out(corpus, scheme):
    assert detect([tags.split() for tags in corpus]) == scheme


@pytest.mark.parametrize(
    ("corpus", "words"),
    [
        (["O I-A", "O B-A"], "neither BIO"),
        (["S-A", "U-A"], "mixes"),
        (["NN VB"], "'NN'"),
        (["B-A M-A"], "'M-A'"),
        (["A-B"], "'A-B'"),
    ],
)
def test_no_scheme_is_refused(corpus, words):
    with pytest.raises(DataError, match=words):
        detect([tags.split() for tags in corpus])


def test_the_tags_to_choose_from():
    assert tag_names(["LOC", "PER"]) == ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
