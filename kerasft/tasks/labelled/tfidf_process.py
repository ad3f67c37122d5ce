"""The TF-IDF baseline in a separate process, whose failure or memory cannot end the run.

Of very many classes its fit takes hundreds of megabytes; and chosen beside a neural model, it would
be held to account for the memory of that model's libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerasft import backends
from kerasft.errors import DataError
from kerasft.tasks.labelled.tfidf_baseline import TfidfBaseline
from kerasft.text.pairs import Text

_COMMAND = (
    "import sys; from kerasft.tasks.labelled import tfidf_process as p; "
    "from {module} import {name} as kind; p.main(sys.argv[1], kind)"
)
_ROWS, _FOUND, _SAID = "rows.jsonl", "found.json", "said.npy"


@dataclass(frozen=True)
class TfidfResult:
    """The baseline's predictions on the test rows.

    Attributes:
        said: (texts, classes) float64 probabilities, or what the task's own class says.
        choice: What `TfidfBaseline.describe` said.
        costs: What `TfidfBaseline.costs` said; and `peak_memory_bytes`, the most main memory that
            the process held (Python, the libraries, the texts and all fits; None where the system
            does not tell).
    """

    said: np.ndarray
    choice: str
    costs: dict[str, object]


def tfidf_result(
    train: tuple[Sequence[Text], np.ndarray],
    validation: tuple[Sequence[Text], np.ndarray],
    test: Sequence[Text],
    classes: int,
    *,
    class_weight: str | None = None,
    kind: type[TfidfBaseline] = TfidfBaseline,
) -> TfidfResult:
    """Chooses the baseline in a separate process, and predicts the test texts.

    Args:
        train: As `TfidfBaseline.choose` takes it.
        test: The test texts.
        classes: As `TfidfBaseline.choose` takes it.
        kind: The task's own class of baseline.

    Raises:
        DataError: The rows have nothing to learn from, or the process failed or was killed.

    Example:
        >>> tfidf_result((texts, labels), (others, their_labels), test, 2).choice
        '14 words and word pairs, C = 10: of 6 settings the one with ...'
    """
    with tempfile.TemporaryDirectory(prefix="kerasft-") as name:
        folder = Path(name)
        # Line by line, since the texts may fill much of the memory once.
        with open(folder / _ROWS, "w", encoding="utf-8") as file:
            file.write(json.dumps({"classes": classes, "class_weight": class_weight}) + "\n")
            for part, (texts, labels) in enumerate((train, validation)):
                for text, label in zip(texts, labels.tolist(), strict=True):
                    file.write(json.dumps([part, text, label]) + "\n")
            for text in test:
                file.write(json.dumps([2, text, None]) + "\n")
        command = _COMMAND.format(module=kind.__module__, name=kind.__name__)
        done = subprocess.run(
            [sys.executable, "-c", command, name],
            capture_output=True, text=True, errors="replace",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )  # fmt: skip
        if done.returncode or not (folder / _FOUND).is_file():
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise DataError(f"Its process failed ({last}).")
        found = json.loads((folder / _FOUND).read_text("utf-8"))
        if "error" in found:
            raise DataError(found["error"])
        said = np.load(folder / _SAID, allow_pickle=False)
        return TfidfResult(said, found["choice"], found["costs"])


def main(name: str, kind: type[TfidfBaseline]) -> None:
    """Does the work of `tfidf_result` in the folder that it made."""
    folder = Path(name)
    texts: tuple[list[Text], ...] = ([], [], [])
    labels: tuple[list[Any], ...] = ([], [], [])
    with open(folder / _ROWS, encoding="utf-8") as file:
        options = json.loads(next(file))
        for line in file:
            part, text, label = json.loads(line)
            texts[part].append(text if isinstance(text, str) else tuple(text))
            labels[part].append(label)
    train, validation = ((texts[part], np.array(labels[part])) for part in (0, 1))
    found: dict[str, object]
    try:
        baseline = kind.choose(
            train, validation, options["classes"], class_weight=options["class_weight"]
        )
        np.save(folder / _SAID, baseline.said(texts[2]))
        costs = {**baseline.costs(texts[2]), "peak_memory_bytes": backends.peak_memory()}
        found = {"choice": baseline.describe(), "costs": costs}
    except DataError as error:
        found = {"error": str(error)}
    (folder / _FOUND).write_text(json.dumps(found), encoding="utf-8")
