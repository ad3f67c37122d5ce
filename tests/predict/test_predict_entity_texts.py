"""Entities that a T5 writes: `kerasft predict` on a folder whose T5 writes entities."""

import csv
import json

import pytest

from harness import entity_writers, text_models
from kerasft.errors import ConfigError, FolderError
from kerasft.predict import Predictor
from kerasft.tasks import load
from kerasft.tasks.entities.sentence import Sentence
from kerasft.tasks.text_to_entities.writer import EntityWriter

TEXTS = [row.text for row in entity_writers.sentences(12, seed=5)]


@pytest.fixture(scope="module")
def writer() -> Predictor:
    return Predictor(entity_writers.saved())


@pytest.fixture
def command(writer, command_with):
    return command_with(entity_writers.saved(), writer)


def test_entities_are_those_of_the_model_that_was_saved(writer):
    model = entity_writers.build(lora=True)
    engine = entity_writers.engine(model)
    expected = engine.read([Sentence.from_text(text) for text in TEXTS])
    found = writer.predict(TEXTS)
    for text, prediction, written in zip(TEXTS, found, expected, strict=True):
        assert (prediction.output,) == written.outputs
        assert not prediction.truncated
        assert [(e.start, e.end, e.type) for e in prediction.entities] == [
            (e.start, e.end, e.type) for e in written.entities
        ]
        for entity, score in zip(prediction.entities, written.scores, strict=True):
            assert entity.text == text[entity.start : entity.end]
            assert entity.score == pytest.approx(score, abs=1e-4) and 0 < entity.score <= 1
    assert sum(len(prediction.entities) for prediction in found) > 8
    assert writer.predict([]) == []


def test_running_text_keeps_its_offsets(writer):
    text = "  it  was \n jon at  home ."
    (found,) = writer.predict([text])
    assert (12, 15, "jon", "PER") in [(e.start, e.end, e.text, e.type) for e in found.entities]
    assert all(text[e.start : e.end] == e.text for e in found.entities)


def test_a_word_that_is_cut_is_said(writer, command, tmp_path):
    words = ["jon at home . " * 12, "jon" * 60, "it was the " * 8 + "jon" * 60]
    assert [each.cut for each in writer.predict(words)] == [False, True, True]
    assert "2 of 3 texts have a word too long for the 32 tokens" in command(*words)[2]
    path = tmp_path / "found.csv"
    assert command(*words, "--output", path)[0] == 0
    with open(path, newline="") as file:
        assert [row["cut"] for row in csv.DictReader(file)] == ["false", "true", "true"]


def test_open_folder_knows_the_task():
    found = Predictor(entity_writers.saved(), beam_size=2)
    assert found.task.name == "text_to_entities" and found.metadata["beam_size"] == 2
    with pytest.raises(ConfigError, match="--task does not apply to"):
        Predictor(entity_writers.saved(), task="entities")
    with pytest.raises(FolderError, match="text_to_text, but one for text_to_entities is needed"):
        load(text_models.saved().folder, EntityWriter)


def test_the_command_prints_and_writes(command, writer, tmp_path):
    code, out, _ = command(*TEXTS[:4])
    assert code == 0 and out.splitlines()[0].split() == ["text", "entities"]
    expected = writer.predict(TEXTS[:4])
    first = next(entity for each in expected for entity in each.entities)
    assert f"{first.text} ({first.type} {first.score:.2f})" in out

    path = tmp_path / "found.csv"
    assert command(*TEXTS[:4], "--output", path)[0] == 0
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["output"] for row in rows] == [each.output for each in expected]
    assert [len(json.loads(row["entities"])) for row in rows] == [len(e.entities) for e in expected]

    code, out, err = command("jon at nowhere .", "--format", "jsonl")
    record = json.loads(out)
    assert set(record) == {"text", "entities", "cut", "output", "unreadable", "truncated"}
    assert all(set(e) == {"start", "end", "text", "type", "score"} for e in record["entities"])
    assert bool(record["unreadable"]) == ("name no entity of their text" in err)
