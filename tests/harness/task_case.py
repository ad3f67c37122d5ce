"""What every task must do with a saved folder: load, save again, predict, print, write, serve.

class TestTagging(TaskCase):
    name = "tagging"
    texts = taggers.TEXTS
    saved = staticmethod(lambda: taggers.saved().folder)
    facts = {"types": ["LOC", "PER"], "max_length": taggers.MAX_LENGTH}
"""

import csv
import io
import json
import shutil
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fastapi.testclient import TestClient

from harness.servers import LIMITS, matches
from kerasft import backends, tasks
from kerasft.cli.main import main
from kerasft.errors import ConfigError, DataError, FolderError
from kerasft.exports.engines import make_export
from kerasft.folder.contents import MANIFEST
from kerasft.predict import Predictor
from kerasft.runtimes.registry import RUNTIMES
from kerasft.serving.app import create_app
from kerasft.serving.limits import Limits
from kerasft.serving.worker import Worker
from kerasft.tasks.registry import OPTIONS, TASKS

EXACT = {runtime.exact for runtime in RUNTIMES.values()}  # the exports in float32
SENTENCE_OF = {  # texts that nothing can be said of
    "text 1 is empty": ["a", " "],
    "give a list": "a",
    "text 1 is a int": ["a", 3],
    "text 0 holds a lone surrogate": ["a\ud800"],
}


def alike(found: Any, expected: Any, tolerance: float) -> bool:
    """Whether two results are the same but for rounding; as dictionaries, lists and numbers."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            alike(found[name], value, tolerance) for name, value in expected.items()
        )
    if isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(
            alike(one, other, tolerance) for one, other in zip(found, expected, strict=True)
        )
    if isinstance(expected, float):
        return found == pytest.approx(expected, abs=tolerance)
    return found == expected


class TaskCase:
    """The tests of a task; a subclass says what is special about it.

    Attributes:
        name: The task's name.
        texts: Texts that make a difference; the last one is longer than the model reads.
        options: What the predictor is given.
        facts: Some of what the folder says of itself.
        tolerance: How far scores may lie apart on another backend.
    """

    name: ClassVar[str]
    texts: ClassVar[list[str]]
    options: ClassVar[dict[str, object]] = {}
    facts: ClassVar[dict[str, object]]
    tolerance: ClassVar[float] = 1e-5

    @staticmethod
    def saved() -> Path:
        """A saved folder, made once a session."""
        raise AssertionError("say `saved = staticmethod(...)`")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "engine" in metafunc.fixturenames:
            engines = [each for each in TASKS[self.name].runtimes if each in EXACT]
            metafunc.parametrize("engine", engines)

    @pytest.fixture(scope="class")
    def predictor(self) -> Predictor:
        return Predictor(self.saved(), **self.options)

    @pytest.fixture(scope="class")
    def expected(self, predictor: Predictor) -> list[dict[str, Any]]:
        return [asdict(found) for found in predictor.predict(self.texts)]

    @pytest.fixture(scope="class")
    def client(self, predictor: Predictor):
        limits = Limits(**LIMITS)
        app = create_app(Worker(lambda: predictor, limits), limits, "tiny", predictor.task)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            while client.get("/health/ready").status_code != 200:
                pass
            yield client

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        """A copy that may be changed."""
        return shutil.copytree(self.saved(), tmp_path / "copy")

    def test_each_text_has_a_result_of_the_task(self, predictor, expected):
        assert predictor.task is TASKS[self.name]
        found = predictor.predict(self.texts)
        assert all(type(each) is predictor.task.result for each in found)
        assert len({json.dumps(each) for each in expected}) > 1  # the texts made a difference
        assert [each["cut"] for each in expected] == [False] * (len(found) - 1) + [True]
        assert predictor.predict([]) == []
        alone = [asdict(predictor.predict([text])[0]) for text in self.texts]
        assert alike(alone, expected, self.tolerance)

    def test_the_folder_says_what_it_is(self, predictor):
        said = json.loads(json.dumps(predictor.metadata))
        assert said["task"] == self.name and said["engine"] == "keras"
        assert said["versions"].keys() >= {"kerasft", "keras", backends.choose().name}
        assert {name: said[name] for name in self.facts} == self.facts

    @pytest.mark.parametrize("sentence", SENTENCE_OF)
    def test_texts_that_cannot_be_read_are_refused(self, predictor, sentence):
        with pytest.raises(DataError, match=sentence):
            predictor.predict(SENTENCE_OF[sentence])

    def test_an_option_of_another_task_is_refused(self):
        with pytest.raises(FolderError, match="not a folder"):
            Predictor("nowhere")
        own = [option.name for option in TASKS[self.name].options]
        for name in OPTIONS.keys() - {"engine", *own}:
            with pytest.raises(ConfigError, match=f"--{name} does not apply to"):
                Predictor(self.saved(), **{name: 1})

    def test_what_is_loaded_can_be_saved_again(self, expected, tmp_path):
        tasks.save(tmp_path / "again", tasks.load(self.saved()), config_yaml="", card="")
        found = Predictor(tmp_path / "again", **self.options).predict(self.texts)
        assert alike([asdict(each) for each in found], expected, self.tolerance)

    @pytest.mark.parametrize("backend", backends.BACKENDS)
    def test_each_backend_says_the_same(self, other_backends, expected, backend):
        """In a process of its own, the one of this backend as well."""
        found = other_backends.predict(backend, self.saved(), self.options, self.texts)
        assert alike(found, json.loads(json.dumps(expected)), self.tolerance)

    def test_an_export_says_the_same(self, folder, expected, engine):
        make_export(folder, engine)
        found = Predictor(folder, engine, **self.options)
        assert found.metadata["engine"] == engine
        results = [asdict(each) for each in found.predict(self.texts)]
        assert alike(results, expected, max(self.tolerance, 1e-4))

    def test_a_flipped_byte_or_a_missing_file_is_refused_by_its_name(self, folder):
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            good = path.read_bytes()
            for place in {0, len(good) // 2, len(good) - 1}:
                path.write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
                with pytest.raises(FolderError, match=path.name) as caught:
                    tasks.load(folder)
                assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
            path.unlink()
            gone = f"no {MANIFEST}" if path.name == MANIFEST else f"{path.name} is missing"
            with pytest.raises(FolderError, match=gone):
                tasks.load(folder)
            path.write_bytes(good)
        tasks.load(folder)
        assert (folder / MANIFEST).is_file()

    def test_the_command_prints_and_writes(self, expected, tmp_path, capsys, monkeypatch):
        options = [f"--{name}={value}" for name, value in self.options.items()]
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        main(["predict", str(self.saved()), *self.texts, *options])
        assert len(capsys.readouterr().out.splitlines()) == 1 + len(self.texts)
        for ending in ("csv", "jsonl"):
            path = tmp_path / f"found.{ending}"
            main(["predict", str(self.saved()), *self.texts, *options, "--output", str(path)])
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file) if ending == "csv" else map(json.loads, file))
            assert [row["text"] for row in rows] == self.texts
            if ending == "jsonl":
                found = [{name: row[name] for name in expected[0]} for row in rows]
                assert alike(found, json.loads(json.dumps(expected)), self.tolerance)

    def test_the_server_answers_as_the_predictor(self, client, expected):
        answer = client.post("/predict", json={"texts": self.texts}).json()
        assert (answer["model"]["name"], answer["model"]["task"]) == ("tiny", self.name)
        assert answer["model"]["backend"] == backends.choose().name
        assert alike(answer["predictions"], json.loads(json.dumps(expected)), self.tolerance)
        said = client.get("/metadata").json()
        assert {name: said[name] for name in self.facts} == self.facts
        assert said["limits"] == {"wait_seconds": 30, **LIMITS}

    def test_openapi_describes_what_is_answered(self, client):
        openapi = client.get("/openapi.json").json()
        schemas = openapi["components"]["schemas"]
        result = TASKS[self.name].result
        assert schemas[result.__name__]["properties"].keys() == {f.name for f in fields(result)}
        predict = openapi["paths"]["/predict"]["post"]
        example = predict["requestBody"]["content"]["application/json"]["example"]
        for method, path, body, status in (
            ("get", "/metadata", None, 200),
            ("post", "/predict", example, 200),
            ("post", "/predict", {"texts": [""]}, 422),
        ):
            response = client.request(method, path, json=body)
            assert response.status_code == status, response.text
            described = openapi["paths"][path][method]["responses"][str(status)]
            schema = described["content"]["application/json"]["schema"]
            assert matches(response.json(), schema, schemas), response.text
        assert example["texts"][0] in client.get("/docs").text
