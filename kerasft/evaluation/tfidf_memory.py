"""How much main memory the TF-IDF baseline takes: a process of its own fits it once more.

Fitted beside a neural model, the baseline would be held to account for that model's libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

from kerasft import backends
from kerasft.evaluation.tfidf_baseline import TfidfBaseline

_COMMAND = "from kerasft.evaluation import tfidf_memory; tfidf_memory.main()"


def tfidf_peak_memory(
    texts: Sequence[str], labels: np.ndarray, classes: int, *, class_weight: str | None = None
) -> int | None:
    """The most main memory that a process which only fits the baseline holds at a time, in bytes.

    It counts what `backends.peak_memory` counts: Python, the libraries, the texts and the fit.

    Args:
        texts: The training texts.
        labels: (training rows,) integers.
        classes: How many classes there are.
        class_weight: As `TfidfBaseline.fit` takes it.

    Returns:
        Bytes; None where the system does not tell, or the process failed.

    Example:
        >>> tfidf_peak_memory(["a goal", "the bank"], np.array([0, 1]), 2) // 2**20   # MiB
        189
    """
    rows = {
        "texts": list(texts),
        "labels": labels.tolist(),
        "classes": classes,
        "class_weight": class_weight,
    }
    done = subprocess.run(
        [sys.executable, "-c", _COMMAND],
        input=json.dumps(rows), capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    return None if done.returncode else json.loads(done.stdout)


def main() -> None:
    """Fits the baseline on the rows from standard input (JSON), and prints the process's peak."""
    rows = json.load(sys.stdin)
    labels = np.array(rows["labels"])
    TfidfBaseline.fit(rows["texts"], labels, rows["classes"], class_weight=rows["class_weight"])
    print(json.dumps(backends.peak_memory()))
