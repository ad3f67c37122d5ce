"""A server on a folder whose T5 writes entities."""

import signal
from collections.abc import Iterator

import pytest

from harness import entity_writers
from harness.servers import LIMITS, Running, matches
from kerasft.predict import Predictor

TEXTS = [row.text for row in entity_writers.sentences(6, seed=5)]
LONG = "jon at " + "jon" * 60  # its last word is longer than the model reads at once


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    running = Running(log_file, entity_writers.saved(), "--port", 0, *options)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "Traceback" not in running.log


def test_answers_equal_the_writers(server) -> None:
    answer = server.client.post("/predict", json={"texts": [*TEXTS, LONG]}).json()
    assert answer["model"]["architecture"] == "t5"
    cut = [found["cut"] for found in answer["predictions"]]
    assert cut == [False] * len(TEXTS) + [True]
    for found, wanted in zip(
        answer["predictions"],
        Predictor(entity_writers.saved()).predict([*TEXTS, LONG]),
        strict=True,
    ):
        assert found["entities"] == [
            {
                "start": each.start,
                "end": each.end,
                "text": each.text,
                "type": each.type,
                "score": pytest.approx(each.score, abs=1e-4),
            }
            for each in wanted.entities
        ]
        assert (found["output"], found["truncated"]) == (wanted.output, wanted.truncated)
        assert found["unreadable"] == list(wanted.unreadable)
    assert any(found["entities"] for found in answer["predictions"])


def test_openapi_describes_what_is_answered(server) -> None:
    openapi = server.client.get("/openapi.json").json()
    schemas = openapi["components"]["schemas"]
    predict = openapi["paths"]["/predict"]["post"]
    example = predict["requestBody"]["content"]["application/json"]["example"]
    for method, path, body in (("get", "/metadata", None), ("post", "/predict", example)):
        response = server.client.request(method, path, json=body)
        described = openapi["paths"][path][method]["responses"][str(response.status_code)]
        schema = described["content"]["application/json"]["schema"]
        assert matches(response.json(), schema, schemas), response.text
    metadata = server.client.get("/metadata").json()
    assert metadata["types"] == ["LOC", "PER"] and metadata["prefix"] == entity_writers.PREFIX
