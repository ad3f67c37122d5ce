"""How much main memory the TF-IDF baseline takes: a process of its own chooses it once more.

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
    train: tuple[Sequence[str], np.ndarray],
    validation: tuple[Sequence[str], np.ndarray],
    classes: int,
    *,
    class_weight: str | None = None,
) -> int | None:
    """The most main memory, in bytes, that a process which only chooses the baseline holds.

    It counts what `backends.peak_memory` counts: Python, the libraries, the texts and all fits.

    Args:
        train: As `TfidfBaseline.choose` takes it.
        validation: Likewise.
        classes: Likewise.
        class_weight: Likewise.

    Returns:
        Bytes; None where the system does not tell, or the process failed.

    Example:
        >>> tfidf_peak_memory((texts, labels), (others, their_labels), 2) // 2**20   # MiB
        189
    """
    rows = {
        "parts": [(list(texts), labels.tolist()) for texts, labels in (train, validation)],
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
    """Chooses the baseline for the rows on standard input (JSON), and prints its own peak."""
    rows = json.load(sys.stdin)
    train, validation = ((texts, np.array(labels, int)) for texts, labels in rows["parts"])
    TfidfBaseline.choose(train, validation, rows["classes"], class_weight=rows["class_weight"])
    print(json.dumps(backends.peak_memory()))
