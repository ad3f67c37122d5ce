"""A server with few descriptors, and a model that panics or never returns: it goes on and ends."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import servers
from harness.servers import Running

pytestmark = pytest.mark.any_backend


@pytest.fixture(scope="module")
def pressed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    log_file = tmp_path_factory.mktemp("pressed") / "log"
    program = (Path(servers.__file__).with_name("stuck_server.py"),)
    running = Running(log_file, folder, "--port", 0, program=program, descriptors=128)
    yield running.wait_until_ready()
    if running.process.poll() is None:
        running.process.kill()
        running.wait()


def test_idle_connections_leave_health_alive(pressed: Running) -> None:
    address = ("127.0.0.1", pressed.port)
    before = len(pressed.log)
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(address)) for _ in range(300)]
        for path in ("/health/live", "/health/ready", "/metadata"):
            start = time.monotonic()
            assert pressed.client.get(path).status_code == 200
            assert time.monotonic() - start < 5
        assert pressed.client.post("/predict", json={"texts": ["a"]}).status_code == 200
        idle[0].settimeout(10)
        assert idle[0].recv(1000).startswith(b"HTTP/1.1 503")  # the oldest gave way
        idle[-1].sendall(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        idle[-1].settimeout(10)
        assert idle[-1].recv(1000).startswith(b"HTTP/1.1 200")  # the newest did not
    assert pressed.log.count("connections are open") == 1
    assert "Traceback" not in pressed.log and len(pressed.log) - before < 1000


@pytest.mark.parametrize(("text", "name"), [("panic", "PanicException"), ("exit", "SystemExit")])
def test_what_is_no_exception_is_an_answer_too(pressed: Running, text: str, name: str) -> None:
    response = pressed.client.post("/predict", json={"texts": [text]})
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "internal_error"
    assert pressed.client.post("/predict", json={"texts": ["a"]}).status_code == 200
    assert f"{name} while answering" in pressed.log
    for word in ("secret", "Onig", "panicked", "stack backtrace"):
        assert word not in pressed.log


def test_a_model_that_never_returns_delays_no_end(pressed: Running) -> None:
    body = b'{"texts": ["stuck"]}'
    head = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", pressed.port), timeout=60) as connection:
        connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)
        time.sleep(0.5)
        for _ in range(3):
            assert pressed.client.get("/health/ready").status_code == 200
        start = time.monotonic()
        assert pressed.stop(signal.SIGTERM) == 0
        assert time.monotonic() - start < 5
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"stopping"' in answer and b"connection: close" in answer
    assert "Traceback" not in pressed.log
