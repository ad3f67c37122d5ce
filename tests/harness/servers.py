"""A server process for tests, what they ask it, and whether it answers as /openapi.json says."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

LIMITS = {
    "max_body_bytes": 20_000,
    "max_texts": 16,
    "max_characters": 300,
    "max_requests": 8,
    "max_uploads": 24,
    "max_upload_bytes": 40_000,
    "max_connections": 100,
    "read_seconds": 5,
}
TEXTS = [
    "hello world",
    "the model is in the news",
    "an opinion on that comparison, with more words than the model can read at one time",
    "Größe über alles \U0001f600 \u4f60\u597d",
    "a\x00b\ttext with\ncontrol characters",
]


class Running:
    """A server process.

    Args:
        log_file: Where its stderr goes. (A pipe would fill up and stop it.)
        arguments: What stands behind `kerasft serve`.
        program: What stands in place of `-m kerasft.serve`.
        descriptors: How many it may open (`ulimit -n`).
    """

    def __init__(
        self,
        log_file: Path,
        *arguments: object,
        program: Sequence[object] = ("-m", "kerasft.serve"),
        descriptors: int | None = None,
    ) -> None:
        self.log_file = log_file
        command = [sys.executable, *map(str, (*program, *arguments))]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
        with log_file.open("wb") as stderr:
            self.process = subprocess.Popen(
                command, stderr=stderr, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            )
        while not (found := re.search(r"http://\S+:(\d+)", self.log)):
            assert self.process.poll() is None, f"the server ended: {self.log}"
            time.sleep(0.05)
        self.port = int(found[1])
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    @property
    def log(self) -> str:
        """What the server has written to stderr so far."""
        return self.log_file.read_text("utf-8")

    def wait_until_ready(self) -> "Running":
        deadline = time.monotonic() + 120
        while self.client.get("/health/ready").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return self

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals the server and waits for its end; returns the exit code."""
        self.send(number)
        return self.wait()

    def wait(self) -> int:
        self.client.close()
        return self.process.wait(timeout=60)


def matches(value: object, schema: dict, schemas: dict) -> bool:
    """Whether a JSON value is what a schema of ours says (the keywords that ours use)."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "oneOf" in schema:
        rest = {name: part for name, part in schema.items() if name != "oneOf"}
        chosen = [each for each in schema["oneOf"] if matches(value, {**rest, **each}, schemas)]
        return len(chosen) == 1
    if "anyOf" in schema:
        return any(matches(value, each, schemas) for each in schema["anyOf"])
    kinds = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list,
        "object": dict, "null": type(None),
    }  # fmt: skip
    if not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return (
            schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9)
            and all(matches(item, schema["items"], schemas) for item in value)
        )  # fmt: skip
    if isinstance(value, str):
        return (
            schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9)
            and re.search(schema.get("pattern", ""), value) is not None
        )  # fmt: skip
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        return set(schema.get("required", [])) <= value.keys() and all(
            matches(item, properties[name], schemas)
            if name in properties
            else isinstance(others, dict) and matches(item, others, schemas)
            for name, item in value.items()
        )
    return True
