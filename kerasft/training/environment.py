"""What a run computes on, as far as the last bits of its numbers depend on it."""

import platform
from collections.abc import Mapping

import keras

from kerasft import __version__, backends


def environment() -> dict[str, str]:
    """Name -> value of what this process computes with.

    Example:
        >>> environment()
        {'backend': 'torch 2.13.0', 'device': 'cpu', 'threads': '2', 'processor': 'x86_64', ...}
    """
    backend = backends.current()
    return {
        "backend": f"{keras.backend.backend()} {backend.version()}",
        "device": backend.device(),
        "threads": str(backend.threads()),
        "processor": platform.machine(),
        "Keras": keras.__version__,
        "kerasft": __version__,
    }


def difference(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What has changed, and what that means for a run that goes on; empty where nothing has.

    Args:
        before: The `environment` of the process that wrote the checkpoint.
        now: That of the one that goes on from it.

    Example:
        >>> difference({"threads": "2"}, {"threads": "1"})
        'with another threads (2 before, 1 now), so that ...'
    """
    changed = [
        f"{name} ({before.get(name, 'unknown')} before, {now.get(name, 'unknown')} now)"
        for name in dict.fromkeys((*now, *before))
        if before.get(name) != now.get(name)
    ]
    if not changed:
        return ""
    meaning = "it agrees with an unbroken run to rounding alone, not to the last bit"
    if before.get("backend", "").split()[:1] != now.get("backend", "").split()[:1]:
        meaning += ", and dropout draws anew"
    return f"with other {', '.join(changed)}: {meaning}"
