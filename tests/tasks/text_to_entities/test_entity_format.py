"""Entities as text and back: any sentence comes back as it was; what is no format says why."""

import itertools
import random

import pytest

from kerasft.errors import DataError
from kerasft.tasks.entities.sentence import Entity, Sentence, Span
from kerasft.tasks.text_to_entities import entity_format
from kerasft.tasks.text_to_entities.entity_format import (
    parse,
    parse_spans,
    target_of,
    unparsable,
    write_entities,
)

pytestmark = pytest.mark.plain

# Few and awkward: they repeat, stand inside of one another, and hold the marks of the format.
TOKENS = [
    "Washington", "US", "USA", "a", "aa", ";", ";;", ":", "::", "#", "#2", "none", "PER", "O'Neill",
    "St.", "Mary", "'s", "(", ")", '"', "``", "''", "-", "…", "...", "½", "é", "e\u0301", "日本",
    "🙂", "👩\u200d👧", "n't", "do", "AC/DC", "x;y", "a: b", ".", ",", "$", "50", "%", "ﬁ", "fi",
    "two words", "wide；semicolon",  # noqa: RUF001
    "no\u00a0break", "LOC: Rome; PER: Ann", "ﬁne", "\u200b", "İ", "ß",
    "\u00b4", "¨", "x\u00b4", "ﷺ",
]  # fmt: skip
TYPES = [
    "PER",
    "LOC",
    "creative-work",
    "none",
    "a b",
    "a: b",
    "x;y",
    "#",
    "A#2",
    "::",
    ";",
    "A#",
    "2",
    "two  spaces",
]


def random_sentence(rng: random.Random, tokens: list[str] = TOKENS) -> Sentence:
    words = tuple(rng.choice(tokens) for _ in range(rng.randint(1, 14)))
    spans, at = [], 0
    while at < len(words):
        end = min(len(words), at + rng.randint(1, 3))
        if rng.random() < 0.4:
            spans.append(Span(at, end, rng.choice(TYPES)))
        at = end if rng.random() < 0.7 else end + 1
    return Sentence(words, tuple(spans))


@pytest.mark.parametrize("tokens", [TOKENS, ["a", "aa", "b"], ["x", ";", "é", "e\u0301"]])
def test_random_sentences_come_back(tokens):
    rng = random.Random(len(tokens))
    for _ in range(1500):
        sentence = random_sentence(rng, tokens)
        target = target_of(sentence)
        assert parse(target, sentence.text).entities == sentence.entities, (sentence, target)
        found = parse_spans(target, sentence, TYPES)
        assert found.spans == sentence.spans and not found.problems, (sentence, target)


def test_outputs_with_other_whitespace_and_composition_come_back():
    """What a tokenizer of T5 does to a target: compatible characters, one space, both ends."""
    import unicodedata

    rng = random.Random(5)
    tokens = [token for token in TOKENS if token != "\u200b"]
    for _ in range(1500):
        sentence = random_sentence(rng, tokens)
        target = "  " + unicodedata.normalize("NFKC", target_of(sentence)).replace(" ", "  ") + "\n"
        assert parse(target, sentence.text, TYPES).entities == sentence.entities, (sentence, target)


def test_the_examples_of_the_page():
    for tokens, spans, target in (
        ("Ann Lee flew from Rome to Paris .", [(0, 2, "PER"), (4, 5, "LOC"), (6, 7, "LOC")],
         "PER: Ann Lee; LOC: Rome; LOC: Paris"),
        ("It rained .", [], "none"),
        ("Washington crossed to Washington .", [(0, 1, "PER"), (3, 4, "LOC")],
         "PER: Washington; LOC: Washington"),
        ("Old Washington is not new Washington .", [(5, 6, "LOC")], "LOC#2: Washington"),
        ("AUS is not US , US ; no", [(3, 4, "LOC"), (5, 7, "LOC")], "LOC: US; LOC: US;;"),
    ):  # fmt: skip
        sentence = Sentence(tuple(tokens.split()), tuple(Span(*span) for span in spans))
        assert target_of(sentence) == target
        assert parse(target, sentence.text).entities == sentence.entities


def test_equal_mentions_are_the_occurrences_in_order():
    text = "Rome, Rome and Rome again, not Romeo."
    parsed = parse("LOC: Rome; ORG: Rome; LOC: Rome", text)
    assert parsed.entities == (Entity(0, 4, "LOC"), Entity(6, 10, "ORG"), Entity(15, 19, "LOC"))
    # The fourth is left inside a word only; a fifth is nowhere.
    again = parse("LOC: Rome; LOC: Rome; LOC: Rome; LOC: Rome; LOC: Rome", text)
    assert again.entities[3] == Entity(31, 35, "LOC")
    assert [p.reason for p in again.problems] == [entity_format.NOT_IN_TEXT]


def test_out_of_order_is_taken_where_it_is():
    parsed = parse("LOC: Paris; PER: Ann", "Ann is in Paris.")
    assert parsed.entities == (Entity(0, 3, "PER"), Entity(10, 15, "LOC"))
    assert not parsed.problems


@pytest.mark.parametrize(
    ("output", "reason", "placed"),
    [
        ("", entity_format.EMPTY, 0),
        ("   ", entity_format.EMPTY, 0),
        ("Ann", entity_format.NO_TYPE, 0),
        (": Ann", entity_format.NO_TYPE, 0),
        ("PER#0: Ann", entity_format.NO_TYPE, 0),
        ("PER:", entity_format.NO_MENTION, 0),
        ("PER: Ann; ", entity_format.NO_TYPE, 1),
        ("PER: Bob", entity_format.NOT_IN_TEXT, 0),
        ("PER#2: Ann", entity_format.NOT_IN_TEXT, 0),
        ("PER: Ann; LOC: Roma", entity_format.NOT_IN_TEXT, 1),
        ("PER: Ann; CITY: Rome", entity_format.UNKNOWN_TYPE, 1),
        ("PER: Ann; none", entity_format.NO_TYPE, 1),
        ("PER: ann", entity_format.NOT_IN_TEXT, 0),
        ("PER: Ann; PER: Ann", entity_format.NOT_IN_TEXT, 1),
        ("LOC#999999: Rome", entity_format.NOT_IN_TEXT, 0),
    ],
)
def test_what_cannot_be_read_says_why(output, reason, placed):
    parsed = parse(output, "Ann is in Rome.", ["PER", "LOC"])
    assert [problem.reason for problem in parsed.problems] == [reason]
    assert len(parsed.entities) == placed


def test_an_entity_inside_a_token_is_a_problem_of_the_tokens():
    sentence = Sentence(("in", "Rome-Paris", "."))
    found = parse_spans("LOC: Rome", sentence)
    assert found.spans == ()
    assert [p.reason for p in found.problems] == [entity_format.CUTS_A_TOKEN]


def test_any_output_is_read_without_an_exception():
    rng = random.Random(3)
    marks = [*TOKENS, "; ", ": ", ";", ":", "#", " ", "\n", "none"]
    for _ in range(3000):
        output = "".join(rng.choice(marks) for _ in range(rng.randint(0, 12)))
        text = random_sentence(rng).text
        entities = parse(output, text).entities
        assert all(a.end <= b.start for a, b in itertools.pairwise(entities))
        assert all(text[e.start : e.end].strip() for e in entities)


@pytest.mark.parametrize(
    "entities",
    [
        [Entity(0, 0, "A")],
        [Entity(0, 4, "A")],
        [Entity(0, 3, " ")],
        [Entity(4, 6, "A"), Entity(0, 3, "A")],
        [Entity(0, 99, "A")],
        [Entity(0, 3, "A"), Entity(2, 6, "A")],
    ],
)
def test_entities_that_cannot_be_are_refused(entities):
    with pytest.raises(DataError):
        write_entities("Ann is.", entities)


def test_outputs_that_could_not_be_read_are_counted():
    sentences = [
        Sentence(tuple(words.split()))
        for words in ("Ann Lee left New York .", "Acme and Ann met Bob", "It rained .")
    ]
    written = ["PER: Ann Lee; LOC: New York", "PER: Bob; LOC: Rome; FOO", ""]
    outputs = [parse_spans(text, each) for text, each in zip(written, sentences, strict=True)]
    assert unparsable(outputs) == {
        "outputs": 3,
        "unparsable": 2,
        "share": pytest.approx(2 / 3),
        "reasons": {"not in the text": 1, "no type": 1, "nothing was written": 1},
    }
    with pytest.raises(DataError):
        unparsable([])
