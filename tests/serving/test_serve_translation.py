"""A server on a folder that translates texts."""

import json
import signal
from collections.abc import Iterator

import pytest

from harness import classifiers, translators
from harness.servers import LIMITS, Running, matches
from kerasft import backends
from kerasft.predict import Predictor

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    folder = translators.saved().folder
    running = Running(log_file, folder, "--port", 0, "--beam_size", 2, *options)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "Traceback" not in running.log


def test_translations_equal_the_translators(server) -> None:
    answer = server.client.post("/predict", json={"texts": translators.TEXTS}).json()
    assert answer["model"] == {
        "name": "tiny",
        "task": "translation",
        "architecture": "transformer",
        "backend": backends.choose().name,
    }
    expected = Predictor(translators.saved().folder, beam_size=2).predict(translators.TEXTS)
    for found, wanted in zip(answer["predictions"], expected, strict=True):
        assert found == {
            "translation": wanted.translation,
            "score": pytest.approx(wanted.score, abs=1e-3),
            "unknown_words": list(wanted.unknown_words),
            "cut": wanted.cut,
            "truncated": wanted.truncated,
        }
    assert answer["predictions"][2]["unknown_words"] == ["zebra"]
    assert answer["predictions"][3]["cut"]


def test_metadata_states_the_languages(server) -> None:
    answer = server.client.get("/metadata").json()
    assert answer["task"] == "translation" and "labels" not in answer
    assert answer["languages"] == {"source": "en", "target": "it"} and answer["beam_size"] == 2
    assert answer["max_length"] == translators.MAX_LENGTH
    assert answer["limits"] == {"wait_seconds": 30, **LIMITS}


def test_openapi_describes_what_is_answered(server) -> None:
    openapi = server.client.get("/openapi.json").json()
    schemas = openapi["components"]["schemas"]
    assert "Translation" in schemas and "Prediction" not in schemas
    predict = openapi["paths"]["/predict"]["post"]
    example = predict["requestBody"]["content"]["application/json"]["example"]
    for method, path, body in (
        ("get", "/metadata", None),
        ("post", "/predict", example),
        ("post", "/predict", {"texts": [""]}),
    ):
        response = server.client.request(method, path, json=body)
        described = openapi["paths"][path][method]["responses"][str(response.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert matches(response.json(), schema, schemas), response.text
    page = server.client.get("/docs").text
    assert "Translate" in page and "unknown_words" in page and example["texts"][0] in page


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "invalid_json"),
        (b'{"texts": ["\xff"]}', 400, "invalid_json"),
        (b"[]", 422, "invalid_request"),
        (b'{"texts": []}', 422, "invalid_request"),
        (b'{"texts": [1]}', 422, "invalid_request"),
        (b'{"texts": ["a"], "beam_size": 9}', 422, "invalid_request"),
        (b'{"texts": [" "]}', 422, "empty_text"),
        (b'{"texts": ["\\ud800"]}', 422, "invalid_text"),
        (json.dumps({"texts": ["a" * 301]}).encode(), 422, "text_too_long"),
        (json.dumps({"texts": ["a"] * 17}).encode(), 422, "too_many_texts"),
        (b" " * 20_001, 413, "body_too_large"),
    ],
)
def test_bad_bodies_are_refused(server, body: bytes, status: int, code: str) -> None:
    response = server.client.post("/predict", content=body, headers=JSON)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert server.client.post("/predict", json={"texts": ["the station"]}).status_code == 200


def test_the_log_holds_no_text(server) -> None:
    before = len(server.log)
    server.client.post("/predict", json={"texts": ["my own secret"]})
    server.client.get("/health/live")  # answered after the line of the other was written
    assert "POST /predict 200" in server.log[before:] and "secret" not in server.log[before:]


def test_a_beam_size_that_has_no_meaning_is_one_sentence(run_python) -> None:
    for folder, value, message in (
        (classifiers.saved_lora().folder, 4, "--beam_size has no meaning for"),
        (translators.saved().folder, 0, "beam_size is 0"),
    ):
        done = run_python("-m", "kerasft.serve", folder, "--port", 0, "--beam_size", value)
        assert done.returncode == 2, done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith("error: ") and message in last and "Traceback" not in done.stderr
