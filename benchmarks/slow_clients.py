"""Slow clients, and the valid requests beside them: a part of reliability_serving.py.

A process of their own keeps a number of connections busy with next to nothing, each in one of the
ways of `KINDS`; who is turned away comes again.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import select
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

HOST = "127.0.0.1"
HEAD = b"POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
VALID = b'{"texts": ["Is this answered?"]}'
# They drip a body, or a head, or say nothing, or do not read what they asked for.
KINDS = ("body", "head", "silent", "unread")


def valid_requests(port: int, count: int, clients: int = 2) -> tuple[int, list[float]]:
    """How many of `count` valid requests are answered with 200, and the seconds of each.

    Half of them come on connections that are kept, half on connections of their own.
    """

    def client(number: int) -> list[tuple[bool, float]]:
        found = []
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        for _ in range(count // clients):
            start = time.perf_counter()
            try:
                connection.request("POST", "/predict", VALID, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
                good = response.status == 200
            except (OSError, http.client.HTTPException):
                good = False
            found.append((good, time.perf_counter() - start))
            if number % 2 or not good:
                connection.close()
        connection.close()
        return found

    with ThreadPoolExecutor(clients) as pool:
        every = [one for found in pool.map(client, range(clients)) for one in found]
    return sum(good for good, _ in every), [seconds for _, seconds in every]


def p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98]


@contextmanager
def slow_clients(port: int, clients: int, kind: str, pause: float) -> Iterator[None]:
    """Slow clients in a process of their own.

    Args:
        port: Of the server on this machine.
        clients: How many at a time.
        kind: One of `KINDS`.
        pause: Seconds between two bytes of each.
    """
    words = ["--kind", kind, "--port", port, "--clients", clients, "--pause", pause]
    command = [sys.executable, __file__, *map(str, words)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        if not process.stdout.readline():
            raise SystemExit("the slow clients did not start")
        yield
        process.communicate(b"")  # they end with their stdin


async def drip(port: int, clients: int, kind: str, pause: float) -> None:
    """Slow clients, until stdin is closed."""

    async def client(number: int) -> None:
        await asyncio.sleep(pause * number / clients)
        while True:
            with suppress(OSError):
                await _slow(port, kind, pause)
            await asyncio.sleep(pause)

    tasks = [asyncio.create_task(client(number)) for number in range(clients)]
    await asyncio.sleep(1.0)
    print("all are there", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        await asyncio.sleep(0.1)
    for task in tasks:
        task.cancel()


async def _slow(port: int, kind: str, pause: float) -> None:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # an answer is to get stuck
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (HOST, port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=1)
    try:
        if kind == "body":
            writer.write(HEAD + b"content-length: 1000\r\n\r\n{")
        elif kind == "head":
            writer.write(HEAD[:20])
        elif kind == "unread":
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n" * 20)
        while not writer.is_closing() and not reader.at_eof():
            if kind in ("body", "head"):
                writer.write(b"a")
            await asyncio.sleep(pause)
            if kind in ("body", "head", "silent") and reader._buffer:  # type: ignore[attr-defined]
                return  # it was turned away
    finally:
        writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--kind", choices=KINDS, default="body")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two bytes")
    given = parser.parse_args()
    asyncio.run(drip(given.port, given.clients, given.kind, given.pause))
