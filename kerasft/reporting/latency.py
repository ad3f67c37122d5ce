"""How long classifiers take for a text, measured side by side on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

SIZES = (1, 32)
ROUNDS = 5
TEXTS = 32

Predict = Callable[[Sequence[str]], object]


@dataclass(frozen=True)
class Latency:
    """Milliseconds a text, over rounds.

    Attributes:
        median: Of the rounds.
        low: The quickest round.
        high: The slowest.
    """

    median: float
    low: float
    high: float


def measure_latency(
    predictors: Mapping[str, Predict],
    texts: Sequence[str],
    *,
    sizes: Sequence[int] = SIZES,
    rounds: int = ROUNDS,
) -> dict[str, dict[int, Latency]]:
    """Times every predictor on the same texts, in turns, so that a busy moment meets all of them.

    Everything is run once before, so that what a backend compiles is not counted.

    Args:
        predictors: What predicts for a list of texts, by name.
        texts: The texts.
        sizes: How many texts are given at a time.
        rounds: How often all of them are timed.

    Returns:
        For each name and each size, milliseconds a text.

    Example:
        >>> measure_latency({"a": predictor.predict}, ["A text."] * 32)["a"][1].median
        4.2
    """
    pairs = [(name, size) for name in predictors for size in sizes]
    seconds: dict[tuple[str, int], list[float]] = {pair: [] for pair in pairs}
    for number in range(rounds + 1):
        first = number % len(pairs)  # nobody always follows the same neighbor
        for name, size in pairs[first:] + pairs[:first]:
            took = _seconds(predictors[name], texts, size)
            if number:
                seconds[name, size].append(took)
    found: dict[str, dict[int, Latency]] = {name: {} for name in predictors}
    for (name, size), values in seconds.items():
        each = 1000 * np.array(values) / len(texts)
        found[name][size] = Latency(float(np.median(each)), float(each.min()), float(each.max()))
    return found


def spread(texts: Sequence[str], count: int = TEXTS) -> list[int]:
    """As many rows, of short and long texts alike: evenly spaced in the order of length."""
    by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
    places = np.linspace(0, len(texts) - 1, min(count, len(texts))).round().astype(int)
    return [by_length[place] for place in np.unique(places)]


def _seconds(predict: Predict, texts: Sequence[str], size: int) -> float:
    start = time.perf_counter()
    for first in range(0, len(texts), size):
        predict(texts[first : first + size])
    return time.perf_counter() - start
