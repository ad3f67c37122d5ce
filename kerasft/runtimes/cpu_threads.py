"""How many threads engines other than Keras compute with."""

from __future__ import annotations

import os


def asked_threads() -> int | None:
    """What OMP_NUM_THREADS asks for; None where it asks for nothing."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else None


def cpu_cores() -> int:
    """Cores that the process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1
