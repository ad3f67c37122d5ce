"""The process: port, exit codes, signals and what it writes, through `kerasft serve`."""

import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest

from harness.servers import LIMITS
from kerasft.errors import ConfigError
from kerasft.serving.limits import Limits
from kerasft.serving.listener import listen

# The server answers 100 when it has taken the request up and waits for its body.
HEAD = (
    b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    b"content-length: 28\r\nexpect: 100-continue\r\n\r\n"
)
BODY = b'{"texts": ["my own secret"]}'


def begin(connection: socket.socket) -> None:
    """Sends half a request and waits until the server is at it."""
    connection.sendall(HEAD)
    said = b""
    while not said.endswith(b"\r\n\r\n") and (byte := connection.recv(1)):
        said += byte
    assert said.startswith(b"HTTP/1.1 100")
    connection.sendall(BODY[:10])


def everything(connection: socket.socket) -> bytes:
    """What comes until the server closes or resets the connection."""
    answer = b""
    with suppress(ConnectionResetError):
        while block := connection.recv(65536):
            answer += block
    return answer


def refusal(run_python, *arguments: object) -> str:
    """The one sentence on stderr of a server that cannot start."""
    done = run_python("-m", "kerasft.serve", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_a_taken_port_is_one_sentence(run_python, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refusal(run_python, folder, "--port", port)
    assert f"Cannot listen on 127.0.0.1 port {port}: Address already in use" in message


def test_a_missing_or_broken_folder_is_one_sentence(run_python, folder: Path, tmp_path) -> None:
    assert str(tmp_path / "no") in refusal(run_python, tmp_path / "no", "--port", 0)
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in folder.rglob("*.*"):
        if file.is_file():
            copy = broken / file.relative_to(folder)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "model.safetensors" in refusal(run_python, broken, "--port", 0)


def test_wrong_options_are_one_sentence(run_python, folder: Path) -> None:
    assert "--port" in refusal(run_python, folder, "--port", "http")
    assert "0 to 65535, not 65536" in refusal(run_python, folder, "--port", 65536)
    assert "--max_texts must be a positive number" in refusal(run_python, folder, "--max_texts", 0)
    assert "FOLDER" in refusal(run_python)


@pytest.mark.parametrize(
    "host", ["no.such.host.invalid", "", "256.1.1.1", "203.0.113.7", "a" * 300]
)
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="--host"):
        listen(host, 0)


def test_limits_must_be_positive() -> None:
    for value in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="--wait_seconds"):
            Limits(wait_seconds=value)


def test_ipv6_is_an_address_too() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        listener = listen("::1", 0)
    except ConfigError:
        pytest.skip("no IPv6 here")
    with listener:
        assert listener.family == socket.AF_INET6


def test_sigterm_finishes_what_is_in_flight(serve) -> None:
    running = serve().wait_until_ready()
    address = ("127.0.0.1", running.port)
    with (
        socket.create_connection(address, timeout=60) as idle,  # accepted before the next
        socket.create_connection(address, timeout=60) as busy,
    ):
        begin(busy)
        running.send(signal.SIGTERM)
        assert idle.recv(1) == b""  # a connection without a request is closed
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=5)
        busy.sendall(BODY[10:])
        answer = everything(busy)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer  # the client is to send no more
    assert b'"predictions"' in answer
    assert running.wait() == 0
    assert "Traceback" not in running.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_loading_does_not_wait_for_the_model(serve, number: int) -> None:
    running = serve()
    assert running.client.get("/health/live").json() == {"status": "live"}
    response = running.client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["error"]["code"] == "not_ready"
    assert running.stop(number) == 0
    assert "ready after" not in running.log
    assert "Traceback" not in running.log


def test_the_log_holds_no_text(server) -> None:
    before = len(server.log)
    texts = ["my own secret", "a"]
    assert server.client.post("/predict?secret=1", json={"texts": texts}).status_code == 200
    server.client.get("/secret")
    server.client.post("/predict", content=b'{"secret": 1}')
    server.client.get("/health/live")  # answered after the lines of the others were written
    log = server.log[before:]
    assert "secret" not in log
    assert "POST /predict 200" in log and "texts: 2" in log
    assert "POST /predict 415" in log
    assert "GET (unknown path) 404" in log


def test_slow_uploads_starve_nobody(server) -> None:
    """Twice as many as there are places for requests: these are taken by whole bodies alone."""
    address = ("127.0.0.1", server.port)
    slow = [
        socket.create_connection(address, timeout=60) for _ in range(2 * LIMITS["max_requests"])
    ]
    try:
        for connection in slow:
            begin(connection)
        for _ in range(5):
            assert server.client.post("/predict", json={"texts": ["a"]}).status_code == 200
        assert server.client.get("/health/ready").status_code == 200
        for connection in slow:
            connection.sendall(BODY[10:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(("count", "size"), [(LIMITS["max_uploads"] + 3, 1), (5, 10_000)])
def test_too_many_uploads_or_too_large_ones_cost_the_oldest(server, count: int, size: int) -> None:
    address = ("127.0.0.1", server.port)
    start = BODY[:-2].ljust(size, b"x")
    head = HEAD.replace(b": 28", b": %d" % (len(start) + 2))
    slow = []
    try:
        for _ in range(count):
            slow.append(socket.create_connection(address, timeout=60))
            slow[-1].sendall(head)
            assert slow[-1].recv(100).startswith(b"HTTP/1.1 100")
            slow[-1].sendall(start)
        told = everything(slow[0])
        assert told.startswith(b"HTTP/1.1 503")
        assert b'"busy"' in told and b"retry-after: 1" in told and b"connection: close" in told
        assert server.client.post("/predict", json={"texts": ["a"]}).status_code == 200
        slow[-1].sendall(BODY[-2:])  # the newest is as it was
        assert slow[-1].recv(65536).startswith(b"HTTP/1.1 2" if size == 1 else b"HTTP/1.1 4")
    finally:
        for connection in slow:
            connection.close()


def exchange(server, sent: bytes) -> bytes:
    """Sends bytes, ends the sending side, and reads to the end."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return everything(connection)


def test_who_sends_no_more_is_answered(server) -> None:
    whole = HEAD.replace(b"expect: 100-continue\r\n", b"") + BODY
    answer = exchange(server, whole)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"\r\nconnection: close\r\n" in answer
    assert exchange(server, whole * 3).count(b'"predictions"') == 3  # one behind the other
    for part in (whole[:-1], whole[:-40], b"GET"):
        answer = exchange(server, part)
        assert answer.startswith(b"HTTP/1.1 400") and b"ended before" in answer, part
    assert exchange(server, b"") == b""


def test_who_reads_no_answer_is_not_waited_for(server) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", server.port))
        asked = 800  # more than the system keeps
        connection.sendall(b"GET /docs HTTP/1.1\r\nhost: localhost\r\n\r\n" * asked)
        time.sleep(1.5 * LIMITS["read_seconds"])
        answer = everything(connection)
    assert answer.count(b"HTTP/1.1 200") < asked


def test_a_client_that_goes_leaves_its_place(server) -> None:
    for _ in range(20):  # more often than there are places
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
            connection.sendall(HEAD + BODY[:10])
    # Sooner than the server would stop waiting for their bodies.
    deadline = time.monotonic() + 0.8 * LIMITS["read_seconds"]
    while server.client.post("/predict", json={"texts": ["a"]}).status_code != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
