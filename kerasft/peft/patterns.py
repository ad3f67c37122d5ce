"""Regular expressions that a file or a user brings, matched in time linear in the name.

Python's `re` tries one way after another: `(.*)*(.*)*(.*)*x$` on a name of 40 letters does not come
back. RE2 (https://github.com/google/re2) follows all ways at once. It has no lookaround and no
backreferences, for which that cannot be done.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import re2

from kerasft.errors import ConfigError

# RE2's instructions of the patterns of one adapter together: 200 names take them a second at worst.
MAX_SIZE = 50_000
# The same where a part of the match is wanted, for which RE2 copies places from step to step.
MAX_CAPTURING_SIZE = 2_000
_MEMORY = 1 << 20  # bytes of one compiled pattern


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str, frame: str = "%s", *, capture: bool = False) -> Any:
    """A pattern put into a frame, ready for `.match(name)` and `.fullmatch(name)`.

    Args:
        pattern: A regular expression, valid by itself.
        frame: What stands around it, with `%s` in its place: `(?:.*/)?(?:%s)`.
        capture: Whether its groups can be asked for.

    Returns:
        An object with the methods of Python's compiled patterns.

    Raises:
        ConfigError: The pattern is no regular expression, is one that takes more than linear time,
            or is too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_capture = not capture
    try:
        re2.compile(pattern, options)
        compiled = re2.compile(frame.replace("%s", pattern), options)
    except (re2.error, UnicodeEncodeError) as problem:
        reason = problem.args[0] if isinstance(problem, re2.error) else "it is no valid Unicode"
        reason = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ConfigError(
            f"{_short(pattern)!r} is no valid regular expression ({_short(reason)}); lookaround "
            "and backreferences are not supported."
        ) from None
    if compiled.programsize > (MAX_CAPTURING_SIZE if capture else MAX_SIZE):
        raise ConfigError(f"The pattern {_short(pattern)!r} is too large to be matched.")
    return compiled


def compile_patterns(
    patterns: Iterable[str], frame: str = "%s", *, capture: bool = False
) -> dict[str, Any]:
    """Patterns by their text, each as `compile_pattern` gives it.

    Raises:
        ConfigError: As there; or they are more work together than any adapter needs.
    """
    compiled: dict[str, Any] = {}
    size = 0
    for pattern in patterns:
        compiled[pattern] = compile_pattern(pattern, frame, capture=capture)
        size += compiled[pattern].programsize
        if size > (MAX_CAPTURING_SIZE if capture else MAX_SIZE):
            raise ConfigError(
                f"The {len(compiled)} patterns up to {_short(pattern)!r} are too large together to "
                "be matched; name fewer."
            )
    return compiled


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
