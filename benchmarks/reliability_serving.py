"""How a server bears hostile requests and slow clients: the serving part of reliability.py.

    python benchmarks/reliability_serving.py saved_models/run
    python benchmarks/reliability_serving.py saved_models/run --requests 1000 --clients 50

Each part starts a server of its own on 127.0.0.1. The fuzzed requests are a seeded mix of bodies
that are nearly right, mutated bytes, wrong heads, lies about lengths, and connections that end in
the middle of something. The slow clients are in a process of their own; valid requests are timed in
turns without and with them, the median of the rounds' 99th percentiles is told.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slow_clients as beside
from slow_clients import HOST, p99, valid_requests


class Server:
    """A server process, as a context manager; ready when entered.

    Args:
        folder: A saved folder.
        options: Further words of the command line.
    """

    def __init__(self, folder: Path, *options: object) -> None:
        self._words = [sys.executable, "-m", "kerasft.serve", folder, "--port", 0, *options]
        self.port = 0

    def __enter__(self) -> Server:
        self._log = tempfile.NamedTemporaryFile()
        self.process = subprocess.Popen([str(word) for word in self._words], stderr=self._log)
        self._wait_for(rb"http://\S+:(\d+)")
        self.port = int(re.findall(rb"http://\S+:(\d+)", self.log)[0])
        self._wait_for(rb"ready after")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._log.close()

    @property
    def log(self) -> bytes:
        """What it has written so far."""
        return Path(self._log.name).read_bytes()

    def mib(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s*(\d+) kB", status)[0]) / 1024

    def stop(self) -> tuple[float, int]:
        """Sends SIGTERM; the seconds until its end, and the exit code."""
        start = time.perf_counter()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        return time.perf_counter() - start, code

    def _wait_for(self, pattern: bytes) -> None:
        deadline = time.monotonic() + 180
        while not re.search(pattern, self.log):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server did not start:\n{self.log.decode()}")
            time.sleep(0.05)


@dataclass(frozen=True)
class Fuzzed:
    """What became of the fuzzed requests.

    Attributes:
        requests: How many were sent.
        statuses: How many were answered with which status; 0: the connection was closed.
        wrong: Answers that are an error in another shape than the documented one.
        mib_before: Resident memory after the first tenth (which fills pools and caches).
        mib_after: And after the last request.
        health_ms: Slowest answer of /health/live meanwhile.
        log_has_text: Whether a text of a request stands in the log.
        stop_seconds: From SIGTERM to the end of the process.
        seconds: All of it.
    """

    requests: int
    statuses: dict[int, int]
    wrong: int
    mib_before: float
    mib_after: float
    health_ms: float
    log_has_text: bool
    stop_seconds: float
    seconds: float


SECRET = "Sesame7741"
TEXT_PARTS = ["a", SECRET, "\u00e9", "\U0001f600", "\u202e", "\x00", " ", "\ufeff", "x" * 900]
VALUES: list[Any] = [None, True, 0, -1.5, 10**400, "a", "", " ", [], {}, [[]], [None], {"a": []}]
HEADERS = [
    b"content-type: text/plain", b"content-encoding: gzip", b"expect: 100-continue",
    b"content-length: 7", b"transfer-encoding: chunked", b"host: evil.example",
    b"upgrade: websocket\r\nconnection: upgrade", b"connection: close", b"x: \xff\xfe",
    b"content-type: application/json; charset=utf-16", b"origin: http://evil.example",
    b"content-length: 99999999999999999999", b"cookie: " + b"c" * 5000,
]  # fmt: skip
PATHS = [
    b"/predict", b"/predict/", b"/metadata", b"/docs", b"/openapi.json", b"/health/live", b"/%00",
    b"*", b"http://evil.example/", b"/../../etc/passwd",
]  # fmt: skip
METHODS = [b"POST", b"GET", b"HEAD", b"PUT", b"OPTIONS", b"DELETE", b"BREW", b"post", b"\x16\x03"]


def fuzzed_request(chance: random.Random) -> tuple[bytes, bool]:
    """Bytes to send, and whether to end the sending side after them."""
    raw = _body(chance)
    if chance.random() < 0.15:
        raw = _mutated(raw, chance)
    method = b"POST" if chance.random() < 0.8 else chance.choice(METHODS)
    path = b"/predict" if chance.random() < 0.8 else chance.choice(PATHS)
    lines = [method + b" " + path + b" HTTP/1.1", b"host: localhost"]
    lines += [b"content-type: application/json"] if chance.random() < 0.9 else []
    lines += chance.sample(HEADERS, chance.choice([0, 0, 0, 1, 2]))
    if not any(line.startswith((b"content-length", b"transfer")) for line in lines):
        lie = chance.choice([-3, 3, 10**6]) if chance.random() < 0.1 else 0
        lines.append(b"content-length: %d" % max(0, len(raw) + lie))
    sent = b"\r\n".join([*lines, b"", raw])
    if chance.random() < 0.05:
        sent = _mutated(sent, chance)
    if chance.random() < 0.05:
        sent = sent[: chance.randrange(len(sent))]
    if chance.random() < 0.05:
        sent *= 3  # one behind the other
    # One that waits for more would take a second.
    return sent, chance.random() < 0.9


def _body(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.4:
        count = chance.choice([1, 1, 2, 8, 40])
        texts = [
            "".join(chance.choices(TEXT_PARTS, k=chance.randrange(1, 8))) for _ in range(count)
        ]
        return json.dumps({"texts": texts}, ensure_ascii=chance.random() < 0.5).encode()
    if kind < 0.7:
        items = chance.choices([*VALUES, SECRET], k=chance.randrange(4))
        content = chance.choice([{"texts": items}, {"texts": items, "more": 1}, items, *VALUES])
        return json.dumps(content).encode()
    if kind < 0.8:
        return chance.choice([b"[", b'{"a":', b'{"texts":[']) * chance.randrange(1, 20_000)
    if kind < 0.9:
        return b'{"texts": ["' + b"\\ud8%02x" % chance.randrange(256) + b'"]}'
    return chance.randbytes(chance.randrange(3000))


def _mutated(raw: bytes, chance: random.Random) -> bytes:
    changed = bytearray(raw)
    for _ in range(chance.randrange(1, 8)):
        place = chance.randrange(len(changed) + 1)
        changed[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(changed)


def fuzz(folder: Path, requests: int = 10_000, seed: int = 0, threads: int = 16) -> Fuzzed:
    """Sends fuzzed requests to a server, a connection each, and looks at what comes back.

    Args:
        folder: A saved folder.
        requests: How many.
        seed: Of the requests.
        threads: How many at a time.
    """
    start = time.perf_counter()
    statuses: Counter[int] = Counter()
    wrong = 0
    with Server(folder, "--read_seconds", 1) as server, ThreadPoolExecutor(threads) as pool:

        def send(number: int) -> bytes:
            return _exchange(server.port, *fuzzed_request(random.Random(f"{seed} {number}")))

        def send_all(numbers: range) -> None:
            nonlocal wrong
            for answer in pool.map(send, numbers):
                status, as_said = _read(answer)
                statuses[status] += 1
                wrong += not as_said

        send_all(range(requests // 10))
        before = server.mib()
        with _health(server.port) as health:
            send_all(range(requests // 10, requests))
        after = server.mib()
        texts = SECRET.encode() in server.log
        stop_seconds, code = server.stop()
        if code:
            raise SystemExit(f"the server ended with {code}")
    return Fuzzed(
        requests, dict(sorted(statuses.items())), wrong, before, after, 1e3 * max(health), texts,
        stop_seconds, time.perf_counter() - start,
    )  # fmt: skip


@contextmanager
def _health(port: int) -> Iterator[list[float]]:
    """Asks for the health page again and again; gives the seconds of each answer."""
    seconds: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.wait(0.1):
            seconds.append(_ask(port, b"GET /health/live HTTP/1.1\r\nhost: localhost"))

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask)
        try:
            yield seconds
        finally:
            done.set()
        asking.result()


def _exchange(port: int, sent: bytes, half_close: bool) -> bytes:
    """Sends bytes and reads what comes until the end, or until nothing more is to be expected."""
    answer = b""
    with socket.create_connection((HOST, port), timeout=20) as connection:
        try:
            connection.sendall(sent)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(1 << 16):
                answer += block
                if _whole(answer) and not half_close:
                    break
        except ConnectionError:
            pass  # closed while we were sending
    return answer


def _whole(answer: bytes) -> bool:
    head, found, rest = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    return bool(found and length and len(rest) >= int(length[1]))


def _read(answer: bytes) -> tuple[int, bool]:
    """The first status of an answer (0: none), and whether an error has the documented shape."""
    while answer.startswith(b"HTTP/1.1 100"):
        answer = answer.partition(b"\r\n\r\n")[2]
    if not answer:
        return 0, True
    head, _, rest = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    length = re.search(rb"(?i)content-length: (\d+)", head)
    content = rest[: int(length[1]) if length else None]
    if status < 400 or not content or content.startswith(b"HTTP/1.1 "):  # HEAD: without a body
        return status, True
    try:
        return status, json.loads(content)["error"].keys() == {"code", "message"}
    except (ValueError, KeyError, TypeError, AttributeError):
        return status, False


def _ask(port: int, head: bytes) -> float:
    """The seconds of one request that must be answered with 200."""
    start = time.perf_counter()
    answer = _exchange(port, head + b"\r\nconnection: close\r\n\r\n", half_close=False)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"health was not answered: {answer[:200]!r}")
    return time.perf_counter() - start


@dataclass(frozen=True)
class Slow:
    """What valid requests met beside slow clients.

    Attributes:
        kind: What the clients did: dripped a body or a head, said nothing, or read no answer.
        clients: How many there were at a time.
        asked: Valid requests beside them.
        answered: How many were answered with 200.
        p99_alone_ms: Median of the rounds' 99th percentiles without slow clients.
        p99_beside_ms: And beside them.
        ratio: Median of the rounds' ratios.
        mib_before: Resident memory before the first slow client.
        mib_after: And at the end.
    """

    kind: str
    clients: int
    asked: int
    answered: int
    p99_alone_ms: float
    p99_beside_ms: float
    ratio: float
    mib_before: float
    mib_after: float


def slow_clients(
    folder: Path, clients: int = 200, rounds: int = 3, requests: int = 100, pause: float = 0.2
) -> list[Slow]:
    """Times valid requests beside slow clients of each kind.

    Args:
        folder: A saved folder.
        clients: How many slow clients at a time; who is turned away comes again.
        rounds: Of measuring alone and beside them, in turns.
        requests: Valid ones in each part of a round.
        pause: Seconds between two bytes of a slow client.
    """
    found = []
    with Server(folder) as server:
        valid_requests(server.port, requests)
        for kind in beside.KINDS:
            before = server.mib()
            alone, loaded, answered = [], [], 0
            for _ in range(rounds):
                alone.append(p99(valid_requests(server.port, requests)[1]))
                with beside.slow_clients(server.port, clients, kind, pause):
                    count, seconds = valid_requests(server.port, requests)
                answered += count
                loaded.append(p99(seconds))
            found.append(
                Slow(
                    kind, clients, rounds * requests, answered, 1e3 * statistics.median(alone),
                    1e3 * statistics.median(loaded),
                    statistics.median(b / a for a, b in zip(alone, loaded, strict=True)),
                    before, server.mib(),
                )
            )  # fmt: skip
    return found


def table(fuzzed: Fuzzed, slow: list[Slow]) -> str:
    """Both parts in Markdown."""
    closed = fuzzed.statuses.get(0, 0)
    statuses = ", ".join(
        f"{count} x {status}" for status, count in fuzzed.statuses.items() if status
    )
    failures = sum(count for status, count in fuzzed.statuses.items() if status in (500, 501, 502))
    lines = [
        f"{fuzzed.requests} fuzzed requests in {fuzzed.seconds:.0f} s: {failures} failures of the "
        f"server, {fuzzed.wrong} errors of another shape ({statuses}, {closed} closed unanswered)",
        f"resident memory: {fuzzed.mib_before:.0f} MiB after the first tenth, "
        f"{fuzzed.mib_after - fuzzed.mib_before:+.1f} MiB at the end; slowest health page "
        f"{fuzzed.health_ms:.0f} ms; a text in the log: {'yes' if fuzzed.log_has_text else 'no'}; "
        f"SIGTERM ended it in {fuzzed.stop_seconds:.1f} s",
        "",
        "| slow clients | valid ones answered | p99 alone, ms | beside | ratio | MiB more |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.clients} x {each.kind} | {each.answered} of {each.asked} "
        f"| {each.p99_alone_ms:.1f} | {each.p99_beside_ms:.1f} | {each.ratio:.2f}x "
        f"| {each.mib_after - each.mib_before:+.1f} |"
        for each in slow
    ]
    return "\n".join(lines)


def main() -> None:
    """Runs both parts and prints what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder that a recipe saved")
    parser.add_argument("--requests", type=int, default=10_000, help="fuzzed ones (%(default)s)")
    parser.add_argument("--clients", type=int, default=200, help="slow ones (%(default)s)")
    arguments = parser.parse_args()
    fuzzed = fuzz(arguments.folder, arguments.requests)
    slow = slow_clients(arguments.folder, arguments.clients)
    print(table(fuzzed, slow))


if __name__ == "__main__":
    main()
