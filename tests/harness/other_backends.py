"""Processes on other backends that predict with saved folders: one start for all who ask."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROGRAM = """
import json, sys
from dataclasses import asdict
from kerasft.predict import Predictor
for line in sys.stdin:
    folder, options, texts = json.loads(line)
    found = Predictor(folder, **options).predict(texts)
    print("FOUND", json.dumps([asdict(each) for each in found]), flush=True)
"""


class OtherBackends:
    """Started where somebody asks first; `close` ends them."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen] = {}

    def predict(
        self, backend: str, folder: Path, options: dict[str, Any], texts: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The results that a backend gives for texts, as dictionaries."""
        if backend not in self._processes:
            self._processes[backend] = subprocess.Popen(
                [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, env={**os.environ, "KERAS_BACKEND": backend},
            )  # fmt: skip
        process = self._processes[backend]
        assert process.stdin is not None and process.stdout is not None
        print(json.dumps([str(folder), options, list(texts)]), file=process.stdin, flush=True)
        for line in process.stdout:
            if line.startswith("FOUND "):
                return json.loads(line.removeprefix("FOUND "))
        raise AssertionError(f"the process on {backend} ended with {process.wait()}")

    def close(self) -> None:
        for process in self._processes.values():
            process.kill()  # to end in peace takes some backends seconds
            process.communicate()
