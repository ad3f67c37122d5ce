"""How much memory this process has needed, and how much there is."""

import re
import sys
from pathlib import Path

STATUS, MEMORY = Path("/proc/self/status"), Path("/proc/meminfo")


def peak_memory() -> int | None:
    """The most main memory that this process has held at a time so far, in bytes.

    It counts everything: Python, the libraries, the data and the model; memory of an accelerator is
    not main memory. None where the system does not tell.

    Example:
        >>> peak_memory() // 2**20   # MiB
        812
    """
    if STATUS.exists():
        # Not getrusage: on Linux a process starts with the peak of the one that started it.
        found = re.search(r"^VmHWM:\s*(\d+) kB", STATUS.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, the others KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def free_memory() -> int | None:
    """Main memory that a process could take now, in bytes; None where the system does not tell.

    Example:
        >>> free_memory() // 2**30  # GiB
        11
    """
    if not MEMORY.exists():
        return None
    found = re.search(r"^MemAvailable:\s*(\d+) kB", MEMORY.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else None
