"""What a classifier cost to train and costs to run; the time for a text is measured here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasft.data.text_pairs import sides_of
from kerasft.folder import contents
from kerasft.folder.export_files import EXPORT
from kerasft.reporting.runs import Run
from kerasft.text.pairs import Text

SIZES = (1, 32)
ROUNDS = 5
TEXTS = 32

Predict = Callable[[Sequence[Text]], object]


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
    texts: Sequence[Text],
    *,
    sizes: Sequence[int] = SIZES,
    rounds: int = ROUNDS,
) -> dict[str, dict[int, Latency]]:
    """Times every predictor on the same texts, in turns, so that a busy moment meets all of them.

    Everything is run once before, so that what a backend compiles is not counted.

    Args:
        predictors: What predicts for a list of texts, by name.
        sizes: How many texts are given at a time.
        rounds: How often all of them are timed.

    Returns:
        For each name and each size, milliseconds per text.

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


def spread(texts: Sequence[Text], count: int = TEXTS) -> list[int]:
    """As many rows, of short and long texts alike: evenly spaced in the order of length."""
    lengths = [sum(map(len, sides_of(text))) for text in texts]
    by_length = sorted(range(len(texts)), key=lengths.__getitem__)
    places = np.linspace(0, len(texts) - 1, min(count, len(texts))).round().astype(int)
    return [by_length[place] for place in np.unique(places)]


def _seconds(predict: Predict, texts: Sequence[Text], size: int) -> float:
    start = time.perf_counter()
    for first in range(0, len(texts), size):
        predict(texts[first : first + size])
    return time.perf_counter() - start


# What predicting needs; the report and the card are for people.
_FOR_PEOPLE = (contents.CARD, contents.CONFIG)
_FOR_OTHERS = (f"{contents.REPORT}/", f"{EXPORT}/")


@dataclass(frozen=True)
class Costs:
    """What a classifier takes; None where its run did not say.

    Attributes:
        train_seconds: Time of the training, without reading and testing.
        peak_memory: The most main memory that the run needed, in bytes.
        parameters: How many numbers the model has.
        trained: How many of them were trained.
        bytes: What predicting needs on the disk.
        adapter_bytes: How much of it is the adapter; None without one.
        latency: Milliseconds a text, by how many are given at a time.
        machine: Backend and threads of the run.
    """

    train_seconds: float | None = None
    peak_memory: float | None = None
    parameters: float | None = None
    trained: float | None = None
    bytes: float | None = None
    adapter_bytes: float | None = None
    latency: Mapping[int, Latency] = field(default_factory=dict)
    machine: str = ""


def costs_of(run: Run, latency: Mapping[int, Latency]) -> Costs:
    """The costs of a saved classifier.

    Args:
        latency: As measured now.
    """
    sizes = {name: entry.bytes for name, entry in run.manifest.files.items()}
    needed = {
        name: size
        for name, size in sizes.items()
        if name not in _FOR_PEOPLE and not name.startswith(_FOR_OTHERS)
    }
    adapter = sum(needed.get(name, 0) for name in contents.ADAPTER)
    machine = run.report.get("machine")
    total, trained = _parameters(run.report)
    return Costs(
        train_seconds=_number(run.report, "seconds"),
        peak_memory=_number(run.report, "peak_memory_bytes"),
        parameters=total,
        trained=trained,
        bytes=sum(needed.values()),
        adapter_bytes=adapter or None,
        latency=latency,
        machine=machine if isinstance(machine, str) else "",
    )


def baseline_costs(run: Run) -> Costs:
    """The costs of TF-IDF + logistic regression, as the run that fitted it measured them."""
    said = run.report.get("baseline_costs")
    settings = said.get("settings") if isinstance(said, dict) else None
    settings = settings[:60] if isinstance(settings, str) else ""
    total, trained = _parameters(said)
    times = {size: _number(said, "ms_per_text", str(size)) for size in (1, 32)}
    return Costs(
        train_seconds=_number(said, "seconds"),
        peak_memory=_number(said, "peak_memory_bytes"),
        parameters=total,
        trained=trained,
        bytes=_number(said, "bytes"),
        latency={
            size: Latency(value, value, value) for size, value in times.items() if value is not None
        },
        machine=f"scikit-learn ({settings})" if settings else "scikit-learn",
    )


def _number(data: Any, *keys: str) -> float | None:
    """The number at the end of a path of keys in untrusted JSON, or None."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    good = isinstance(data, (int, float)) and not isinstance(data, bool) and 0 <= data < 1e18
    return data if good else None


def _parameters(report: Any) -> tuple[float | None, float | None]:
    """How many parameters there are, and how many of them were trained."""
    trained, frozen = (_number(report, "parameters", key) for key in ("trained", "frozen"))
    return None if trained is None or frozen is None else trained + frozen, trained
