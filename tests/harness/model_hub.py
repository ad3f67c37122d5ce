"""A small Hugging Face Hub on this machine, in the layout that huggingface_hub asks for."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_secret"


class Handler(BaseHTTPRequestHandler):
    """Serves `server.models`: name -> (directory, "public", "private", "gated" or "broken")."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(body=True)

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def answer(self, body: bool) -> None:
        self.server.requests.append((self.command, self.path))
        if self.server.gone:
            self.close_connection = True
            return
        if self.server.silent:
            time.sleep(30)
            return
        api = self.path.startswith("/api/models/")
        path = self.path.removeprefix("/api/models") if api else self.path
        name = "/".join(path.split("?")[0].strip("/").split("/")[:2])
        directory, kind = self.server.models.get(name, (None, "missing"))
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if kind == "missing" or (kind == "private" and not known):
            self.send(401, b"", {"X-Error-Code": "RepoNotFound"}, body)
        elif kind == "gated" and not known:
            self.send(403, b"", {"X-Error-Code": "GatedRepo"}, body)
        elif kind == "broken":
            self.send(500, b"", {}, body)
        elif api:
            facts = {"id": name, "sha": COMMIT, "tags": ["bert", "license:mit"], "siblings": []}
            self.send(200, json.dumps(facts).encode(), {}, body)
        else:
            file = directory / path.split("/resolve/")[1].partition("/")[2]
            if not file.is_file():
                headers = {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}
                self.send(404, b"", headers, body)
                return
            content = file.read_bytes()
            etag = hashlib.sha256(content).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
            self.send(200, content, headers, body)

    def send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Hub(ThreadingHTTPServer):
    """The server: what it has, and what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.models: dict[str, tuple[Path | None, str]] = {}
        self.requests: list[tuple[str, str]] = []
        self.silent = False
        self.gone = False

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT must be."""
        return f"http://127.0.0.1:{self.server_port}"

    def hang_up(self) -> None:
        """Takes no new connection and drops those that clients keep open."""
        self.gone = True
        self.shutdown()
        self.server_close()

    def fetched(self) -> set[str]:
        """The files whose contents were sent."""
        return {
            path.rpartition("/")[2]
            for command, path in self.requests
            if command == "GET" and "/resolve/" in path
        }


@contextmanager
def hub() -> Iterator[Hub]:
    """Runs the server for a while."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.hang_up()
        thread.join()
