"""Mixing tasks: shares, turns through a task, shapes, teacher forcing."""

from collections import Counter

import numpy as np
import pytest

from kerasft.errors import ConfigError, DataError
from kerasft.tasks.text_to_text.mixture import MixtureBatches, TaskRows

pytestmark = pytest.mark.any_backend

PAD, START, END = 0, 0, 1


def task(rows: int, source: int, target: int, first: int, weight: float = 1.0) -> TaskRows:
    """Rows whose first source token names them, `first`, `first` + 1, ..."""
    rng = np.random.default_rng(first)
    sources = [
        np.array([first + row, *rng.integers(2, 99, rng.integers(1, source)), END])
        for row in range(rows)
    ]
    targets = [np.array([*rng.integers(2, 99, rng.integers(1, target)), END]) for _ in range(rows)]
    return TaskRows(sources, targets, weight)


@pytest.fixture
def tasks() -> dict[str, TaskRows]:
    return {"long": task(50, 60, 12, 1000), "short": task(700, 9, 9, 2000)}


def mixture(tasks, **options) -> MixtureBatches:
    return MixtureBatches(
        tasks,
        **{"cap": 100, "batch_size": 8, "pad_id": PAD, "start_id": START, "seed": 3, **options},
    )


def seen(batches: MixtureBatches, epoch: int) -> Counter:
    """How often each row (by its name) is trained on in an epoch."""
    names: Counter = Counter()
    for index in range(len(batches)):
        inputs, _, weights = batches.batch(epoch, index)
        names.update(inputs["source_ids"][weights.any(axis=1), 0].tolist())
    return names


def test_a_large_task_is_capped_and_goes_on_in_the_next_epoch(tasks):
    batches = mixture(tasks)
    assert batches.rows_per_epoch == {"long": 50, "short": 100}
    assert batches.shares["long"] == pytest.approx(1 / 3)
    epochs = [seen(batches, epoch) for epoch in range(7)]
    for names in epochs:
        assert sum(n for name, n in names.items() if name < 2000) == 50
        assert sum(n for name, n in names.items() if name >= 2000) == 100
    total = sum(epochs, Counter())
    assert {total[2000 + row] for row in range(700)} == {1}  # 7 epochs of 100 are all 700
    assert {total[1000 + row] for row in range(50)} == {7}


def test_weights_repeat_or_thin_out_a_task():
    tasks = {"a": task(30, 9, 9, 1000, weight=2.5), "b": task(40, 9, 9, 2000, weight=0.5)}
    batches = mixture(tasks)
    assert batches.rows_per_epoch == {"a": 75, "b": 20}
    names = seen(batches, 4)
    assert {names[1000 + row] for row in range(30)} == {2, 3}
    assert max(names[2000 + row] for row in range(40)) == 1


def test_batches_teach_the_next_token(tasks):
    batches = mixture(tasks)
    rows = {int(ids[0]): t for each in tasks.values()
            for ids, t in zip(each.source_ids, each.target_ids, strict=True)}  # fmt: skip
    for index in range(len(batches)):
        inputs, labels, weights = batches.batch(2, index)
        assert inputs["source_ids"].dtype == labels.dtype == np.int32
        assert weights.dtype == np.float32 and inputs["target_ids"].shape == labels.shape
        assert (inputs["target_ids"][:, 0] == START).all()
        np.testing.assert_array_equal(inputs["target_ids"][:, 1:], labels[:, :-1])
        real = weights.any(axis=1)
        assert weights.sum() == batches.tokens(2, index)
        for name, label, weight in zip(
            inputs["source_ids"][real, 0], labels[real], weights[real], strict=True
        ):
            np.testing.assert_array_equal(label[weight > 0], rows[int(name)])
            assert (label[weight == 0] == PAD).all()


def test_few_shapes_and_like_lengths(tasks):
    batches = mixture(tasks, shape_count=4)
    shapes = {
        (*inputs["source_ids"].shape, labels.shape[1])
        for epoch in range(4)
        for inputs, labels, _ in (batches.batch(epoch, i) for i in range(len(batches)))
    }
    assert shapes <= set(batches.shapes) and len(shapes) <= 4
    positions = sum(batches.batch(0, i)[0]["source_ids"].size for i in range(len(batches)))
    longest = max(len(ids) for each in tasks.values() for ids in each.source_ids)
    assert positions < 0.6 * longest * 8 * len(batches)


def test_epochs_differ_and_come_back_the_same(tasks):
    first, again = mixture(tasks), mixture(tasks)
    again.batch(5, 0)
    for index in range(len(first)):
        for a, b in zip(first.batch(1, index)[1:], again.batch(1, index)[1:], strict=True):
            np.testing.assert_array_equal(a, b)
    orders = [[tuple(first.rows(epoch, i)) for i in range(len(first))] for epoch in (0, 1)]
    assert orders[0] != orders[1]
    other = mixture(tasks, seed=4)
    assert [tuple(other.rows(0, i)) for i in range(len(other))] != orders[0]


def test_batches_mix_the_tasks():
    tasks = {"a": task(64, 9, 9, 1000), "b": task(64, 9, 9, 2000)}
    batches = mixture(tasks)
    mixed = [
        len({name // 1000 for name in batches.batch(0, i)[0]["source_ids"][:, 0]})
        for i in range(len(batches))
    ]
    assert mixed.count(2) > len(mixed) / 2


@pytest.mark.parametrize(
    ("tasks", "options", "error", "words"),
    [
        ({}, {}, DataError, "no task"),
        ({"a": TaskRows([], [])}, {}, DataError, "'a' has no rows"),
        ({"a": TaskRows([np.ones(2)], [])}, {}, DataError, "1 sources, but 0 targets"),
        ({"a": TaskRows([np.ones(2)], [np.ones(0)])}, {}, DataError, "has no tokens"),
        ({"a": task(3, 4, 4, 9, weight=0)}, {}, ConfigError, "weight 0"),
        ({"a": task(3, 4, 4, 9)}, {"cap": 0}, ConfigError, "cap is 0"),
        ({"a": task(3, 4, 4, 9)}, {"batch_size": 0}, ConfigError, "batch_size is 0"),
    ],
)
def test_what_cannot_be_mixed_is_refused(tasks, options, error, words):
    with pytest.raises(error, match=words):
        mixture(tasks, **options)
