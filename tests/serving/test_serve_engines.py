"""A server whose model ONNX Runtime computes."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

import kerasft
from harness import onnx_folders
from harness.servers import LIMITS, TEXTS, Running, matches

pytestmark = pytest.mark.any_backend

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


# Python runs it before anything else: each file that is opened is a line of a file.
COUNT_OPENS = """
import os, sys
log = os.open({log!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def note(event, arguments):
    if event == "open" and not isinstance(arguments[0], int):
        os.write(log, os.fsencode(arguments[0]) + b"\\n")
sys.addaudithook(note)
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server notes which files it opens."""
    return tmp_path_factory.mktemp("opened") / "log"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, opened: Path) -> Iterator[Running]:
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    log_file = tmp_path_factory.mktemp("server") / "log"
    words = (onnx_folders.saved(), "--port", 0, "--engine", "onnx", *options)
    (opened.parent / "sitecustomize.py").write_text(COUNT_OPENS.format(log=str(opened)))
    with pytest.MonkeyPatch.context() as patch:
        path = os.pathsep.join([str(opened.parent), os.environ.get("PYTHONPATH", "")])
        patch.setenv("PYTHONPATH", path.rstrip(os.pathsep))
        running = Running(log_file, *words)
    yield running.wait_until_ready()
    assert running.stop(signal.SIGTERM) == 0
    assert "Traceback" not in running.log


def test_answers_are_those_of_keras_with_the_same_fields(server) -> None:
    answer = server.client.post("/predict", json={"texts": TEXTS}).json()
    assert answer["model"] == {
        "name": "tiny",
        "task": "classification",
        "architecture": "bert",
        "backend": "onnxruntime",
    }
    expected = onnx_folders.keras().predict(TEXTS)
    for found, wanted in zip(answer["predictions"], map(asdict, expected), strict=True):
        assert found.keys() == wanted.keys()
        assert (found["label"], found["cut"]) == (wanted["label"], wanted["cut"])
        assert found["probabilities"] == pytest.approx(wanted["probabilities"], abs=1e-4)


def test_each_file_is_opened_once(server, opened) -> None:
    folder = onnx_folders.saved()
    lines = Counter(opened.read_text("utf-8").splitlines())
    read = {path: count for path, count in lines.items() if path.startswith(f"{folder}/")}
    assert {Path(path).name for path in read} == {
        *("manifest.json", "model.onnx", "tokenizer.json", "label_map.json"),
    }
    assert set(read.values()) == {1}


def test_limits_and_errors_are_those_of_every_server(server) -> None:
    for texts, code in [
        (["a"] * (LIMITS["max_texts"] + 1), "too_many_texts"),
        ([" "], "empty_text"),
        (["a" * (LIMITS["max_characters"] + 1)], "text_too_long"),
    ]:
        response = server.client.post("/predict", json={"texts": texts})
        assert (response.status_code, response.json()["error"]["code"]) == (422, code)


def test_metadata_names_the_engine(server) -> None:
    answer = server.client.get("/metadata").json()
    assert (answer["engine"], answer["backend"]) == ("onnx", "onnxruntime")
    assert answer["versions"].keys() == {"kerasft", "python", "onnxruntime"}
    assert answer["versions"]["onnxruntime"] == onnxruntime.__version__
    assert answer["versions"]["kerasft"] == kerasft.__version__
    assert answer["limits"] == {"wait_seconds": 30, **LIMITS}
    openapi = server.client.get("/openapi.json").json()
    described = openapi["paths"]["/metadata"]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    assert matches(answer, schema, openapi["components"]["schemas"])


def test_the_process_holds_no_backend(server) -> None:
    assert f"engine: onnx, onnxruntime {onnxruntime.__version__} on cpu" in server.log
    maps = Path(f"/proc/{server.process.pid}/maps")
    if not maps.exists():
        pytest.skip("no /proc here")
    libraries = maps.read_text()
    assert "onnxruntime" in libraries
    assert not any(name in libraries for name in ("libtorch", "tensorflow", "jaxlib", "libjax"))


def test_a_damaged_export_is_one_sentence_before_the_port_is_taken(run_python, tmp_path) -> None:
    folder = Path(shutil.copytree(onnx_folders.saved(), tmp_path / "copy"))
    model = folder / "export/onnx/model.onnx"
    model.write_bytes(model.read_bytes()[:-1] + b"\x00")
    done = run_python("-m", "kerasft.serve", folder, "--port", 0, "--engine", "onnx")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert "export/onnx/model.onnx was changed" in done.stderr
