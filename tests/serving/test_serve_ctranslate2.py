"""A server whose model CTranslate2 runs: what a client sees is the same."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import translators
from harness.servers import Running
from kerasft.exports.engines import make_export
from kerasft.predict import Predictor
from kerasft.runtimes.registry import RUNTIMES

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = shutil.copytree(translators.saved().folder, tmp_path_factory.mktemp("run") / "tiny")
    make_export(copy, "ctranslate2")
    return copy


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log_file = tmp_path_factory.mktemp("server") / "log"
    words = ("--port", 0, "--beam_size", 1, "--engine", "ctranslate2")
    running = Running(log_file, folder, *words)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "engine: ctranslate2, ctranslate2" in running.log and "Traceback" not in running.log


def test_answers_are_those_of_the_predictor(server, folder):
    answer = server.client.post("/predict", json={"texts": translators.TEXTS}).json()
    assert answer["model"] == {
        "name": "tiny",
        "task": "translation",
        "architecture": "transformer",
        "backend": "ctranslate2",
    }
    expected = Predictor(folder, "ctranslate2", beam_size=1).predict(translators.TEXTS)
    for found, wanted in zip(answer["predictions"], expected, strict=True):
        assert found == {
            "translation": wanted.translation,
            "score": pytest.approx(wanted.score, abs=1e-3),
            "unknown_words": list(wanted.unknown_words),
            "cut": wanted.cut,
            "truncated": wanted.truncated,
        }


def test_the_engine_is_named(server):
    facts = server.client.get("/metadata").json()
    assert facts["engine"] == "ctranslate2" and facts["beam_size"] == 1
    assert facts["versions"]["ctranslate2"] == RUNTIMES["ctranslate2"].version()
    assert "keras" not in facts["versions"]


def test_what_cannot_be_read_is_refused(server):
    body = b'{"texts": ["\\ud800"]}'
    headers = {"Content-Type": "application/json"}
    answer = server.client.post("/predict", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_text")
