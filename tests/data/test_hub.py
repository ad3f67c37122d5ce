"""Hub data sets, from a hub on the loopback interface that the real `datasets` library talks to."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import dataset_hub

pytestmark = pytest.mark.plain

ROOT = Path(__file__).parent.parent.parent

# Runs in a process of its own, since HF_ENDPOINT is read when huggingface_hub is imported.
SCRIPT = """
import json, sys
from kerasft.data.readers import read_texts
from kerasft.errors import DataError
answers = []
for source, text, label in json.loads(sys.argv[1]):
    try:
        table = read_texts(source, text, label)
        answer = {"texts": table["text"], "labels": table.fields.get("label", []),
                  "source": table.source, "sha256": table.sha256}
    except DataError as error:
        answer = {"error": str(error)}
    answers.append(answer)
print("ANSWERS " + json.dumps(answers))
"""

ASKED = [
    ("hub:some/reviews", "text", "label"),
    ("hub:some/strings", "text", "label"),
    ("hub:some/numbers", "text", "label"),
    ("hub:some/languages:second", "text", "label"),
    ("hub:some/reviews", "text", None),
    ("hub:some/private", "text", "label"),
    ("hub:some/missing", "text", "label"),
    ("hub:some/gated", "text", "label"),
    ("hub:some/trouble", "text", "label"),
    ("hub:some/parts", "text", "label"),
    ("hub:some/languages", "text", "label"),
    ("hub:some/languages:third", "text", "label"),
    ("hub:some/reviews:third", "text", "label"),
    ("hub:some/reviews", "body", "label"),
    ("hub:some/reviews", "text", "topic"),
    ("hub:some/unlabelled", "text", "label"),
    ("hub:some/nothing", "text", "label"),
    ("hub:some/lists", "text", "label"),
    ("hub:some/counts", "text", "label"),
    ("hub:some/script", "text", "label"),
    ("hub:some/broken", "text", "label"),
    ("hub:some/empty", "text", "label"),
    ("hub:", "text", "label"),
    ("hub:../reviews", "text", "label"),
    ("hub:/etc", "text", "label"),
    ("hub:a/b/c", "text", "label"),
    ("hub:kerasft", "text", "label"),
]


def run(script: str, questions: list, env: dict[str, str]) -> subprocess.CompletedProcess:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return subprocess.run(
        [sys.executable, "-c", script, json.dumps(questions)],
        capture_output=True, text=True, timeout=120, env={**inherited, **env}, cwd=ROOT,
    )  # fmt: skip


def ask(questions: list, env: dict[str, str]) -> list[dict]:
    done = run(SCRIPT, questions, env)
    lines = [line for line in done.stdout.splitlines() if line.startswith("ANSWERS ")]
    assert lines, done.stderr
    return json.loads(lines[0].removeprefix("ANSWERS "))


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """An empty cache of Hugging Face's tools, shared by the tests of this module."""
    return tmp_path_factory.mktemp("hf_home")


@pytest.fixture(scope="module")
def answers(home) -> dict[tuple, dict]:
    """What `read_texts` gives for each question, all asked of one process."""
    with dataset_hub.serve() as address:
        env = {"HF_ENDPOINT": address, "HF_HOME": str(home), "HF_TOKEN": dataset_hub.TOKEN}
        return dict(zip(ASKED, ask(ASKED, env), strict=True))


def test_class_ids_become_names(answers):
    answer = answers["hub:some/reviews", "text", "label"]
    assert answer["texts"] == dataset_hub.TEXTS
    assert answer["labels"] == ["pos", "neg", "pos", "neg"]
    assert answer["source"] == "hub:some/reviews"
    assert len(answer["sha256"]) == 64


def test_other_labels(answers):
    assert answers["hub:some/strings", "text", "label"]["labels"] == ["yes", "no", "yes", "no"]
    assert answers["hub:some/numbers", "text", "label"]["labels"] == ["5", "3", "5", "3"]


def test_rows_without_a_gold_label_are_left_out(answers):
    answer = answers["hub:some/unlabelled", "text", "label"]
    assert answer["texts"] == [dataset_hub.TEXTS[0], dataset_hub.TEXTS[3]]
    assert answer["labels"] == ["pos", "neg"]


def test_configuration_by_name(answers):
    assert answers["hub:some/languages:second", "text", "label"]["texts"] == ["two"]


def test_texts_alone(answers):
    answer = answers["hub:some/reviews", "text", None]
    assert (answer["texts"], answer["labels"]) == (dataset_hub.TEXTS, [])


def test_the_token_opens_a_private_data_set(answers):
    assert answers["hub:some/private", "text", "label"]["labels"] == ["a", "b", "a", "b"]


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("hub:some/missing", "text", "label"), ["no data set 'some/missing'", "private"]),
        (("hub:some/gated", "text", "label"), ["is gated", "accept its terms", "HF_TOKEN"]),
        (("hub:some/trouble", "text", "label"), ["cannot reach", "500", "local file"]),
        (("hub:some/parts", "text", "label"), ['no part "train"', "'dev', 'exam'"]),
        (
            ("hub:some/languages", "text", "label"),
            ["'first', 'second'", "some/languages:CONFIG"],
        ),
        (("hub:some/languages:third", "text", "label"), ["'third'", "only 'first', 'second'"]),
        (("hub:some/reviews:third", "text", "label"), ["'third'", "only 'default'"]),
        (("hub:some/reviews", "body", "label"), ["no column 'body'", "'text', 'label'"]),
        (("hub:some/reviews", "text", "topic"), ["no column 'topic'", "--label_column"]),
        (("hub:some/nothing", "text", "label"), ["empty text in row 2"]),
        (("hub:some/lists", "text", "label"), ["row 1 has a list as 'label'"]),
        (
            ("hub:some/counts", "text", "label"),
            ["row 1 has a whole number as 'text'", "must be a string"],
        ),
        (("hub:some/script", "text", "label"), ["cannot read", "script"]),
        (("hub:some/broken", "text", "label"), ["cannot read", "hub:some/broken"]),
        (("hub:some/empty", "text", "label"), ["cannot read", "hub:some/empty"]),
        (("hub:", "text", "label"), ["names no hub data set", "hub:NAME:CONFIG"]),
        (("hub:../reviews", "text", "label"), ["names no hub data set"]),
        (("hub:/etc", "text", "label"), ["names no hub data set"]),
        (("hub:a/b/c", "text", "label"), ["names no hub data set"]),
        (("hub:kerasft", "text", "label"), ["local file or folder 'kerasft'"]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_refused_in_one_sentence(answers, question, words):
    message = answers[question].get("error")
    assert message is not None, answers[question]
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 600


def test_offline_takes_what_is_there_and_names_what_is_not(answers, home):
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}
    questions = [("hub:some/reviews", "text", "label"), ("hub:some/other", "text", "label")]
    there, missing = ask(questions, env)
    assert there == answers[questions[0]]
    assert "HF_HUB_OFFLINE is set" in missing["error"]


def test_a_closed_port_is_told_at_once(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: nobody else opens it meanwhile
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        env = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path)}
        start = time.monotonic()
        (answer,) = ask([("hub:some/reviews", "text", "label")], env)
    assert f"cannot reach hub:some/reviews at {address}" in answer["error"]
    assert "HF_HUB_OFFLINE=1" in answer["error"]
    assert time.monotonic() - start < 60  # the library alone retries for half a minute


def test_a_private_data_set_without_a_token(tmp_path):
    with dataset_hub.serve() as address:
        env = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_TOKEN": ""}
        (answer,) = ask([("hub:some/private", "text", "label")], env)
    assert "private and HF_TOKEN is not set" in answer["error"]


def test_without_the_library():
    script = "import sys; sys.modules['datasets'] = None\n" + SCRIPT
    done = run(script, [("hub:some/reviews", "text", "label")], {})
    assert "pip install 'kerasft[hub-datasets]'" in done.stdout
