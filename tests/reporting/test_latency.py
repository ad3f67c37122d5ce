import time

import pytest

from kerasft.reporting.latency import measure_latency, spread


class Sleeper:
    """Predicts in a known time, and notes what it was given."""

    def __init__(self, name: str, seconds: float, log: list[tuple[str, int]]):
        self.name, self.seconds, self.log = name, seconds, log

    def __call__(self, texts):
        self.log.append((self.name, len(texts)))
        time.sleep(self.seconds)


def test_times_are_milliseconds_a_text():
    log: list[tuple[str, int]] = []
    predictors = {"slow": Sleeper("slow", 0.02, log), "quick": Sleeper("quick", 0.004, log)}
    found = measure_latency(predictors, ["a"] * 4, sizes=(1, 3), rounds=3)
    assert 20 <= found["slow"][1].median < 40
    assert 4 <= found["quick"][1].median < 20
    assert 10 <= found["slow"][3].median < 20  # two calls for four texts
    for times in found["slow"].values():
        assert times.low <= times.median <= times.high


def test_models_take_turns_after_a_warm_up():
    log: list[tuple[str, int]] = []
    predictors = {name: Sleeper(name, 0.0, log) for name in "ab"}
    measure_latency(predictors, ["a"] * 2, sizes=(1, 2), rounds=2)
    calls = [("a", 1), ("a", 1), ("a", 2), ("b", 1), ("b", 1), ("b", 2)]
    assert log[:6] == calls
    assert sorted(log) == sorted(calls * 3)
    assert log[6:12] != calls  # another begins


def test_what_a_first_call_compiles_is_not_counted():
    first = [True]

    def predict(texts):
        if first.pop() if first else False:
            time.sleep(0.3)

    found = measure_latency({"a": predict}, ["a"], sizes=(1,), rounds=3)
    assert found["a"][1].high < 100


@pytest.mark.parametrize(("count", "expected"), [(3, [1, 2, 4]), (1, [1]), (9, [1, 0, 2, 3, 4])])
def test_spread_takes_short_and_long_texts(count, expected):
    assert spread(["aa", "", "aaaa", "a" * 7, "a" * 9], count) == expected
