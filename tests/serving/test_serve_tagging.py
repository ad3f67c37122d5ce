"""A server on a folder that finds entities."""

import signal
from collections.abc import Iterator

import pytest

from harness import taggers
from harness.servers import LIMITS, Running, matches
from kerasft import backends
from kerasft.predict import Predictor


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    running = Running(log_file, taggers.saved().folder, "--port", 0, *options)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "Traceback" not in running.log


def test_answers_equal_the_finders(server) -> None:
    texts = [text for text in taggers.TEXTS if len(text) <= LIMITS["max_characters"]]
    texts.append("he is " + "a" * 60)  # a word that is longer than the model reads at once
    answer = server.client.post("/predict", json={"texts": texts}).json()
    assert answer["model"] == {
        "name": "tiny",
        "task": "tagging",
        "architecture": "distilbert",
        "backend": backends.choose().name,
    }
    expected = Predictor(taggers.saved().folder).predict(texts)
    for found, wanted in zip(answer["predictions"], expected, strict=True):
        assert found["entities"] == [
            {
                "start": each.start,
                "end": each.end,
                "text": each.text,
                "type": each.type,
                "score": pytest.approx(each.score, abs=1e-5),
            }
            for each in wanted.entities
        ]
    assert any(found["entities"] for found in answer["predictions"])
    cut = [found["cut"] for found in answer["predictions"]]
    assert cut == [False] * (len(texts) - 1) + [True]


def test_metadata_states_the_types(server) -> None:
    answer = server.client.get("/metadata").json()
    assert answer["task"] == "tagging" and answer["types"] == ["LOC", "PER"]
    assert answer["max_length"] == taggers.MAX_LENGTH
    assert answer["limits"] == {"wait_seconds": 30, **LIMITS}


def test_openapi_describes_what_is_answered(server) -> None:
    openapi = server.client.get("/openapi.json").json()
    schemas = openapi["components"]["schemas"]
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
    assert "Finds the named entities" in page and example["texts"][0] in page
