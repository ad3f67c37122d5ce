"""Columns, JSON and OpenAPI schema are those of a result's own fields, whatever the task."""

import csv
import io
import json
from dataclasses import asdict, dataclass, fields

import pytest

from kerasft.predict.output import Csv, JsonLines, Table
from kerasft.serving.schemas import body_of
from kerasft.tasks.classification.results import Prediction
from kerasft.tasks.columns import Columns, said
from kerasft.tasks.entities.results import Entities, FoundEntity
from kerasft.tasks.registry import TASKS
from kerasft.tasks.text_to_entities.results import WrittenEntities
from kerasft.tasks.text_to_text.results import WrittenText
from kerasft.tasks.translation.results import Translation

pytestmark = pytest.mark.plain

ROME = FoundEntity(0, 4, "Rome", "LOC", 0.97)
TEXT = "Rome is\nold, and so are \x1b[31mmost of the roads that lead to it"
START = "Rome is old, and so are ?[31mmost of ..."
EXAMPLES = [
    (
        Prediction("old", {"new": 0.25, "old": 0.75}, False),
        {
            "label": "old", "cut": "false", "probability_new": "0.250000",
            "probability_old": "0.750000",
        },
        "old    0.2500  0.7500  " + START,
    ),
    (
        Prediction(None, {"new": 0.5, "old": 0.5}, True),
        {
            "label": "", "cut": "true", "probability_new": "0.500000",
            "probability_old": "0.500000",
        },
        "-      0.5000  0.5000  " + START,
    ),
    (
        Entities((ROME,), True),
        {"entities": json.dumps([asdict(ROME)]), "cut": "true"},
        START + "  Rome (LOC 0.97)",
    ),
    (Entities((), False), {"entities": "[]", "cut": "false"}, START + "  none"),
    (
        Translation("Roma è\tvecchia", -1.25, ("roads", "lead"), False, True),
        {
            "translation": "Roma è\tvecchia", "score": "-1.250000", "unknown_words": "roads lead",
            "cut": "false", "truncated": "true",
        },
        "  -1.250  " + START + "  Roma è vecchia",
    ),
    (
        WrittenText("old", "age", "", -0.5, (), False, False),
        {
            "output": "old", "task": "age", "warning": "", "score": "-0.500000",
            "unknown_words": "", "cut": "false", "truncated": "false",
        },
        "  -0.500  " + START + "  old",
    ),
    (
        WrittenEntities((ROME,), False, "LOC: Rome; X: y", ("X: y (no type)", "z (why)"), False),
        {
            "entities": json.dumps([asdict(ROME)]), "cut": "false", "output": "LOC: Rome; X: y",
            "unreadable": "X: y (no type); z (why)", "truncated": "false",
        },
        START + "  Rome (LOC 0.97)",
    ),
]  # fmt: skip


def columns_of(result: object) -> Columns:
    return Columns(type(result), ("new", "old") if isinstance(result, Prediction) else ())


@pytest.mark.parametrize(("result", "cells", "line"), EXAMPLES)
def test_what_is_shown_and_written(result, cells, line):
    columns = columns_of(result)
    assert columns.file_heads == ["text", *cells]
    assert columns.in_file(TEXT, result) == [TEXT, *cells.values()]
    screen = io.StringIO()
    Table(screen, columns).write(TEXT, result)
    heads, row = screen.getvalue().splitlines()
    assert row == line and "text" in heads.split()
    lines = io.StringIO()
    JsonLines(lines).write(TEXT, result)
    assert json.loads(lines.getvalue()) == json.loads(json.dumps({"text": TEXT, **asdict(result)}))
    file = io.StringIO()
    written = csv.writer(file)
    Csv(type("Rows", (), {"write": staticmethod(written.writerow)})(), columns).write(TEXT, result)
    assert next(csv.reader(io.StringIO(file.getvalue()))) == [TEXT, *cells.values()]


@pytest.mark.parametrize("result", [example[0] for example in EXAMPLES])
def test_the_json_of_the_server_has_the_fields_and_nothing_else(result):
    body = body_of(type(result))
    answer = body.model_validate(result).model_dump()
    assert answer == json.loads(json.dumps(asdict(result)))
    schema = body.model_json_schema()
    assert schema["additionalProperties"] is False and schema["required"] == list(answer)
    for each in fields(result):
        assert schema["properties"][each.name]["description"] == each.metadata["description"]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_every_task_says_what_people_need(task):
    for kind in (task.result, task.facts):
        for each in fields(kind):
            assert each.metadata["description"].endswith("."), each.name
        body_of(kind).model_json_schema()
    assert task.summary and task.description.endswith(".") and all(task.example)
    assert {name for name in task.result.on_screen if name != "text"} <= {
        each.name for each in fields(task.result)
    }


def test_a_label_may_be_null_for_programs_too():
    label = body_of(Prediction).model_json_schema()["properties"]["label"]
    assert label["anyOf"] == [{"type": "string"}, {"type": "null"}]


def test_fields_may_have_a_default():
    @dataclass(frozen=True)
    class Result:
        on_screen = ("text",)
        word: str = said("A word.", default="none")

    assert Result().word == "none" and Columns(Result).file_heads == ["text", "word"]
