"""A server on a folder of several tasks by prefix."""

import signal
from collections.abc import Iterator

import pytest

from harness import text_models
from harness.servers import LIMITS, Running, matches
from kerasft import backends
from kerasft.predict import Predictor


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    running = Running(log_file, text_models.saved().folder, "--port", 0, *options)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "Traceback" not in running.log


def test_one_folder_serves_every_prefix_and_warns_of_others(server) -> None:
    texts = [*text_models.SOURCES, "sing: la la"]
    answer = server.client.post("/predict", json={"texts": texts}).json()
    assert answer["model"] == {
        "name": "tiny",
        "task": "text_to_text",
        "architecture": "t5",
        "backend": backends.choose().name,
    }
    expected = Predictor(text_models.saved().folder).predict(texts)
    for found, wanted in zip(answer["predictions"], expected, strict=True):
        assert found == {
            "output": wanted.output,
            "task": wanted.task,
            "warning": wanted.warning,
            "score": pytest.approx(wanted.score, abs=1e-3),
            "unknown_words": list(wanted.unknown_words),
            "cut": wanted.cut,
            "truncated": wanted.truncated,
        }
    tasks = [found["task"] for found in answer["predictions"]]
    assert tasks == ["topics", "topics", "italian", "italian", ""]
    assert "no prefix" in answer["predictions"][4]["warning"]


def test_metadata_states_the_tasks(server) -> None:
    answer = server.client.get("/metadata").json()
    assert [task["prefix"] for task in answer["tasks"]] == [t.prefix for t in text_models.TASKS]
    assert (answer["default_task"], answer["beam_size"]) == ("", 2)
    assert (answer["max_length"], answer["max_target_length"]) == (32, 8)
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
    assert "prefix" in page and example["texts"][0] in page


def test_a_task_that_is_not_there_is_one_sentence(run_python) -> None:
    folder = text_models.saved().folder
    done = run_python("-m", "kerasft.serve", folder, "--port", 0, "--task", "cooking")
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "no task 'cooking'" in last
