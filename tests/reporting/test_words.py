import pytest

from kerasft.evaluation.significance import Interval
from kerasft.reporting import words

pytestmark = pytest.mark.plain


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.8123, "0.812"), (1.0, "1.000"), (0.0, "0.000"), (0.00001, "< 0.001"), (-0.0501, "-0.050"),
     (-0.0001, "0.000")],
)  # fmt: skip
def test_scores(value, said):
    assert words.digits(value) == said


def test_chance():
    assert words.chance(0.0312) == "p = 0.031"
    assert words.chance(0.0001) == "p < 0.001"


def test_intervals():
    assert words.with_interval(Interval(0.8123, 0.79, 0.83)) == "0.812 [0.790, 0.830]"


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1 kB"), (438_123, "438 kB"), (999_499, "999 kB"),
     (999_600, "1 MB"), (91_400_000, "91.4 MB"), (99_600_000, "100 MB"), (2.5e9, "2.5 GB"),
     (3e15, "3000 TB"), (None, "not recorded")],
)  # fmt: skip
def test_sizes(number, said):
    assert words.size(number) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [(5, "5"), (31_212, "31,212"), (999_000, "999,000"), (999_600, "1M"), (22.7e6, "22.7M"),
     (99.96e6, "100M"), (110e6, "110M"), (175e9, "175B"), (1e12, "1T"), (None, "not recorded")],
)  # fmt: skip
def test_parameters(number, said):
    assert words.parameters(number) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.04 s"), (0.84, "0.84 s"), (10, "10 s"), (75.4, "75 s"), (119.7, "2 min 0 s"),
     (725, "12 min 5 s"), (7199.8, "2 h 0 min"), (7800, "2 h 10 min"), (None, "not recorded")],
)  # fmt: skip
def test_durations(seconds, said):
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0042, "0.0042 ms"), (0.42, "0.42 ms"), (4.2, "4.20 ms"), (12.34, "12.3 ms"),
     (99.96, "100 ms"), (1234.5, "1234 ms")],
)  # fmt: skip
def test_milliseconds(value, said):
    assert words.milliseconds(value) == said


def test_counts_and_lists():
    assert words.quantity(1, "row") == "1 row"
    assert words.quantity(1200, "class", "classes") == "1,200 classes"
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
