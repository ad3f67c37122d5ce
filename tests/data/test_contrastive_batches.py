from collections import Counter

import numpy as np
import pytest

from kerasft.data.contrastive_batches import ContrastiveBatches
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.any_backend


def batches(counts: list[int], batch_size: int = 8, **options) -> ContrastiveBatches:
    labels = np.repeat(np.arange(len(counts)), counts)
    ids = [np.full(1 + row % 9, row + 1) for row in range(len(labels))]
    options = {"count": 6, "seed": 0} | options
    return ContrastiveBatches(ids, labels, batch_size=batch_size, pad_id=0, max_length=9, **options)


@pytest.mark.parametrize("counts", [[4, 4], [9, 5, 30], [2, 3], [3] * 20, [2, 50]])
def test_a_batch_has_distinct_texts_and_partners_of_each_class(counts: list[int]):
    found = batches(counts)
    size = min(8, sum(counts))
    classes = min(len(counts), size // 2)
    for index in range(len(found)):
        inputs, labels = found.batch(0, index)
        rows = found.rows(0, index)
        assert len(set(rows)) == len(labels) == size
        assert np.array_equal(inputs["token_ids"][:, 0], rows + 1)
        assert np.array_equal(inputs["padding_mask"].sum(1), 1 + rows % 9)
        of_class = Counter(labels.tolist())
        full = [name for name, count in of_class.items() if count >= 2]
        assert len(full) >= classes
        # What is not filled up with others counts evenly.
        if min(counts) >= size // classes and size % classes == 0:
            assert set(of_class.values()) == {size // classes}


def test_classes_and_their_texts_take_turns():
    found = batches([3, 5, 7, 9], count=12)
    seen = Counter(row for index in range(12) for row in found.rows(0, index))
    for first, last in ((0, 3), (3, 8), (8, 15), (15, 24)):
        times = [seen[row] for row in range(first, last)]
        assert sum(times) == 24 and max(times) - min(times) <= 1


def test_the_order_is_that_of_seed_and_epoch():
    def rows(found: ContrastiveBatches, epoch: int) -> list[list[int]]:
        return [found.rows(epoch, index).tolist() for index in range(len(found))]

    assert rows(batches([9, 9]), 1) == rows(batches([9, 9]), 1)
    assert rows(batches([9, 9]), 1) != rows(batches([9, 9]), 0)
    assert rows(batches([9, 9]), 1) != rows(batches([9, 9], seed=1), 1)
    assert 0 <= batches([9, 9]).padding_share < 1


def test_what_cannot_be_compared_is_refused():
    for counts in ([5], [5, 1]):
        with pytest.raises(DataError, match="two rows or more"):
            batches(counts)
    with pytest.raises(ConfigError, match="4 or more"):
        batches([5, 5], batch_size=3)
