"""Numbers as a report writes them."""

from collections.abc import Sequence

from kerasft.evaluation.significance import Interval

UNKNOWN = "not recorded"
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def digits(value: float) -> str:
    """A score or a probability: three digits; a probability too small for them says so.

    Example:
        >>> digits(0.8123), digits(-0.05), digits(0.00001)
        ('0.812', '-0.050', '< 0.001')
    """
    if 0 < value < 0.0005:
        return "< 0.001"
    return f"{value + 0.0:.3f}" if abs(value) >= 0.0005 else "0.000"


def chance(p: float) -> str:
    """A probability of a test in a sentence: "p = 0.031", "p < 0.001"."""
    found = digits(p)
    return f"p {found}" if found.startswith("<") else f"p = {found}"


def with_interval(found: Interval) -> str:
    """A score with its interval: "0.812 [0.790, 0.833]"."""
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def size(number: float | None) -> str:
    """A size: "438 kB", "91.4 MB"; units of 1000."""
    if number is None:
        return UNKNOWN
    unit = 0
    while number >= 999.5 and unit < len(UNITS) - 1:
        number, unit = number / 1000, unit + 1
    digits = f"{number:.0f}" if number >= 99.5 or not unit else f"{number:.3g}"
    return f"{digits} {UNITS[unit]}"


def parameters(number: float | None) -> str:
    """A count of parameters: "22.7M"; small ones are written out."""
    if number is None:
        return UNKNOWN
    for least, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if number >= 0.9995 * least:
            value = number / least
            return f"{value:.0f}{unit}" if value >= 99.95 else f"{value:.3g}{unit}"
    return f"{number:,.0f}"


def duration(seconds: float | None) -> str:
    """A time: "0.8 s", "75 s", "12 min 5 s", "2 h 10 min"."""
    if seconds is None:
        return UNKNOWN
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def milliseconds(value: float) -> str:
    """A short time: "0.42 ms", "12.3 ms", "105 ms"."""
    if value < 0.995:
        return f"{value:.2g} ms"
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} ms"


def quantity(number: int, noun: str, plural: str = "") -> str:
    """A number of things: "1 row", "3 rows", "5 classes"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str]) -> str:
    """Words as a list in a sentence: "a", "a and b", "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
