"""Hub data sets of entities, from a hub on the loopback interface."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import dataset_hub

pytestmark = pytest.mark.plain

# Runs in a process of its own, since HF_ENDPOINT is read when huggingface_hub is imported.
SCRIPT = """
import dataclasses, json, sys
from kerasft.data.hub_tags import read_hub_tags
from kerasft.errors import DataError
from kerasft.tasks.entities.rows import make_entity_rows
answers = []
for name, field in json.loads(sys.argv[1]):
    try:
        parts = {part: make_entity_rows(rows, None, "row")
                 for part, rows in read_hub_tags(name, tags_field=field).items()}
        answers.append({part: {"sentences": [dataclasses.astuple(s) for s in table.sentences],
                               "notes": table.notes, "scheme": table.scheme}
                        for part, table in parts.items()})
    except DataError as error:
        answers.append({"error": str(error)})
print("ANSWERS " + json.dumps(answers))
"""

ASKED = {
    "some/entities": "ner_tags",
    "some/iob1": "tags",
    "some/nameless": "ner_tags",
    "some/uneven": "ner_tags",
    "some/flat": "ner_tags",
    "some/blank": "ner_tags",
    "some/wrong": "ner_tags",
    "some/untrained": "ner_tags",
    "some/strings": "ner_tags",
    "some/missing": "ner_tags",
}
ANN = [["Ann", "Lee", "left"], [[0, 2, "PER"]]]
ROME = [["Rome", "fell"], [[0, 1, "LOC"]]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    home = tmp_path_factory.mktemp("home")
    with dataset_hub.serve() as address:
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(list(ASKED.items()))],
            capture_output=True,
            text=True,
            timeout=240,
            cwd=home,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("HF_")},
                "HF_ENDPOINT": address,
                "HF_HOME": str(home / "hf"),
                "NO_PROXY": "*",
                "PYTHONPATH": str(Path(__file__).parents[3]),
            },
        )
    lines = [line for line in result.stdout.splitlines() if line.startswith("ANSWERS ")]
    assert lines, result.stderr[-3000:]
    return dict(zip(ASKED, json.loads(lines[0].removeprefix("ANSWERS ")), strict=True))


def test_numbers_become_the_names_of_tags(answers):
    found = answers["some/entities"]
    assert list(found) == ["train", "validation", "test"]
    for part, table in found.items():
        assert table["sentences"] == [ANN, ROME]
        assert table["scheme"] == "BIO"
        assert table["notes"] == [f"1 rows of hub:some/entities ({part}) without tokens left out"]


def test_strings_in_another_column_and_another_scheme(answers):
    found = answers["some/iob1"]
    assert list(found) == ["train", "validation"]
    assert found["train"]["sentences"] == [ANN, ROME] and found["train"]["scheme"] == "IO"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("some/nameless", ["row 1", "does not name its tags", "--tags_field"]),
        ("some/uneven", ["row 1", "3 tokens", "2 tags"]),
        ("some/flat", ["row 1", "a string", "list"]),
        ("some/blank", ["row 1", "' '"]),
        ("some/wrong", ["row 1", "'PER'", "neither O"]),
        ("some/untrained", ["no part", "'test'"]),
        ("some/strings", ["no column 'tokens'", "'text'", "--tokens_field"]),
        ("some/missing", ["some/missing"]),
    ],
)
def test_what_cannot_be_used_is_one_sentence(answers, name, words):
    error = answers[name]["error"]
    assert all(word in error for word in words), error
    assert "\n" not in error and len(error) < 500
