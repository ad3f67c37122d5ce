"""How much memory this process has needed."""

import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


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
