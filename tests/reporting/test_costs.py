"""Times on a clock of the test's own: what sleeps really take depends on who else runs."""

import pytest

from kerasft.reporting import costs
from kerasft.reporting.costs import measure_latency, spread

pytestmark = pytest.mark.plain


class Clock:
    """Stands for the module `time`: moves only when somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(costs, "time", clock)
    return clock


class Sleeper:
    """Predicts in known times, one after the other, and notes what it was given."""

    def __init__(self, name: str, seconds: list[float], log: list[tuple[str, int]], clock: Clock):
        self.name, self.seconds, self.log, self.clock = name, seconds, log, clock

    def __call__(self, texts):
        self.log.append((self.name, len(texts)))
        self.clock.sleep(self.seconds.pop(0) if len(self.seconds) > 1 else self.seconds[0])


def test_times_are_milliseconds_a_text(clock):
    log: list[tuple[str, int]] = []
    predictors = {
        "slow": Sleeper("slow", [0.02], log, clock),
        "quick": Sleeper("quick", [0.004], log, clock),
    }
    found = measure_latency(predictors, ["a"] * 4, sizes=(1, 3), rounds=3)
    assert found["slow"][1].median == pytest.approx(20)
    assert found["quick"][1].median == pytest.approx(4)
    assert found["slow"][3].median == pytest.approx(10)  # two calls for four texts


def test_the_median_and_the_range_are_those_of_the_rounds(clock):
    first, *rounds = 9.0, 0.005, 0.001, 0.002
    predictor = Sleeper("a", [first, *rounds], [], clock)
    found = measure_latency({"a": predictor}, ["a"], sizes=(1,), rounds=3)["a"][1]
    assert [found.low, found.median, found.high] == pytest.approx([1, 2, 5])


def test_models_take_turns_after_a_warm_up(clock):
    log: list[tuple[str, int]] = []
    predictors = {name: Sleeper(name, [0.0], log, clock) for name in "ab"}
    measure_latency(predictors, ["a"] * 2, sizes=(1, 2), rounds=2)
    calls = [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 1), ("b", 2)]
    assert log[:6] == calls
    assert sorted(log) == sorted(calls * 3)
    assert log[6:12] != calls  # another begins


def test_what_a_first_call_compiles_is_not_counted(clock):
    predictor = Sleeper("a", [0.3, 0.004], [], clock)
    found = measure_latency({"a": predictor}, ["a"], sizes=(1,), rounds=3)
    assert found["a"][1].high == pytest.approx(4)


@pytest.mark.parametrize(("count", "expected"), [(3, [1, 2, 4]), (1, [1]), (9, [1, 0, 2, 3, 4])])
def test_spread_takes_short_and_long_texts(count, expected):
    assert spread(["aa", "", "aaaa", "a" * 7, "a" * 9], count) == expected
