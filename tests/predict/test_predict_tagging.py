"""Entities that a tagger finds: `kerasft predict` on a folder that finds entities."""

import csv
import json

import pytest

from harness import taggers
from kerasft.predict import Predictor
from kerasft.tasks.entities.sentence import Sentence


@pytest.fixture(scope="module")
def finder() -> Predictor:
    return Predictor(taggers.saved().folder)


@pytest.fixture
def command(finder, command_with):
    return command_with(taggers.saved().folder, finder)


def test_entities_are_characters_of_the_text(finder):
    found = finder.predict(taggers.TEXTS)
    for text, prediction, expected in zip(taggers.TEXTS, found, taggers.saved().found, strict=True):
        sentence = Sentence.from_text(text)
        entities = [sentence.entity(each.span) for each in expected]
        assert [(e.start, e.end, e.type) for e in prediction.entities] == [
            (e.start, e.end, e.type) for e in entities
        ]
        for entity, each in zip(prediction.entities, expected, strict=True):
            assert entity.text == text[entity.start : entity.end]
            assert entity.score == pytest.approx(each.score, abs=1e-5) and 0 < entity.score <= 1
    assert sum(len(prediction.entities) for prediction in found) > 3
    assert found[3].entities[-1].end > 200  # read to its end
    alone = [finder.predict([text])[0] for text in taggers.TEXTS]
    assert [[e.start for e in p.entities] for p in alone] == [
        [e.start for e in p.entities] for p in found
    ]
    assert finder.predict([]) == []


def test_a_word_that_is_cut_is_said(finder, command, tmp_path):
    # One token for each of its letters, of which 14 and the two special tokens are read.
    texts = ["he was with " * 30, "he is " + "a" * 14, "he is " + "a" * 15 + " " + "a" * 15]
    assert [each.cut for each in finder.predict(texts)] == [False, False, True]
    note = "1 of 3 texts have a word too long for the 16 tokens that are read at once; its end was"
    assert note in command(*texts)[2]
    path = tmp_path / "found.csv"
    assert command(*texts, "--output", path)[0] == 0
    with open(path, newline="") as file:
        assert [row["cut"] for row in csv.DictReader(file)] == ["false", "false", "true"]


def test_the_command_prints_and_writes(command, finder, tmp_path):
    code, out, err = command(*taggers.TEXTS[:3])
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["text", "entities"] and len(lines) == 4
    expected = finder.predict(taggers.TEXTS[:3])
    first = next(entity for each in expected for entity in each.entities)
    assert f"{first.text} ({first.type} {first.score:.2f})" in out

    path = tmp_path / "found.csv"
    assert command(*taggers.TEXTS[:3], "--output", path)[0] == 0
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row, text, prediction in zip(rows, taggers.TEXTS, expected, strict=False):
        assert row["text"] == text
        assert [e["start"] for e in json.loads(row["entities"])] == [
            e.start for e in prediction.entities
        ]

    code, out, _ = command(taggers.TEXTS[3], "--format", "jsonl")
    record = json.loads(out)
    assert record["text"] == taggers.TEXTS[3]
    assert set(record["entities"][0]) == {"start", "end", "text", "type", "score"}
