import numpy as np
import pytest

from kerasft.data import shapes

pytestmark = pytest.mark.plain


def test_lengths_double_up_to_the_maximum():
    assert shapes.lengths(100) == [16, 32, 64, 100]
    assert shapes.lengths(64) == [16, 32, 64]
    assert shapes.lengths(7) == [7]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 31, 32, 33, 100])
def test_every_text_is_in_one_batch_that_is_at_least_half_full(count):
    sizes = np.random.default_rng(count).integers(1, 101, count)
    seen = []
    for rows, batch, length in shapes.batches(sizes, 100):
        assert batch in shapes.BATCH_SIZES and length in (16, 32, 64, 100)
        assert len(rows) <= batch <= 2 * len(rows)
        assert all(sizes[row] <= length for row in rows)
        assert all(2 * sizes[row] > length or length == 16 for row in rows)
        seen += rows
    assert sorted(seen) == list(range(count))


def test_few_shapes_serve_any_input():
    rng = np.random.default_rng(0)
    found = {
        (batch, length)
        for count in rng.integers(0, 300, 50)
        for _, batch, length in shapes.batches(rng.integers(1, 513, count), 512)
    }
    assert len(found) <= 3 * 6
    assert max(batch * length for batch, length in found) <= shapes.MAX_TOKENS


def test_a_huge_text_goes_alone():
    assert list(shapes.batches([20_000, 20_000], 20_000)) == [([0], 1, 20_000), ([1], 1, 20_000)]


def test_groups_hold_texts_of_about_the_same_length():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 600, 300).tolist()
    found = list(shapes.groups(sizes))
    assert sorted(row for rows in found for row in rows) == list(range(300))
    for rows in found:
        lengths = [sizes[row] for row in rows]
        assert len(rows) <= 32 and len(rows) * max(lengths) <= 8192
        assert min(lengths) >= 0.75 * max(lengths) and lengths[0] == max(lengths)
    assert len(found) < 80
    assert [len(rows) for rows in shapes.groups([7] * 70)] == [32, 32, 6]
    assert list(shapes.groups([7, 7], most_rows=1)) == [[0], [1]]
    assert list(shapes.groups([9000, 9000])) == [[0], [1]] and list(shapes.groups([])) == []


def test_pad():
    batch = shapes.pad([np.array([2, 7, 3]), np.array([2, 3])], 3, 4, pad_id=9)
    assert batch["token_ids"].tolist() == [[2, 7, 3, 9], [2, 3, 9, 9], [2, 7, 3, 9]]
    assert batch["padding_mask"].tolist() == [
        [True, True, True, False], [True, True, False, False], [True, True, True, False],
    ]  # fmt: skip
    assert batch["token_ids"].dtype == np.int32 and batch["padding_mask"].dtype == bool
