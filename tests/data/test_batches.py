"""Which rows are in which batch, how they are padded and weighed."""

import itertools

import numpy as np
import pytest

from harness.by_hand import make_batches, make_rows
from kerasft.data.batches import BucketedBatches, _choose_lengths, balanced_weights
from kerasft.errors import ConfigError, DataError

pytestmark = pytest.mark.any_backend

SIZES = [1, 5, 8, 9, 45, 64, 200]


def whole_epoch(batches: BucketedBatches, epoch: int) -> list[tuple]:
    return [batches.batch(epoch, index) for index in range(len(batches))]


@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("bucket_count", [1, 2, 4, 50])
@pytest.mark.parametrize("grouped", [True, False])
def test_every_row_is_there_once(rows, shuffle, bucket_count, grouped):
    token_ids, labels, weights = make_rows(rows)
    batches = make_batches(
        rows, shuffle=shuffle, bucket_count=bucket_count, sample_weight=weights,
        group_by_length=grouped,
    )  # fmt: skip
    assert len(batches) == -(-rows // 8) == batches.num_batches
    slots = 8 * len(batches)
    for epoch in (0, 1, 7):
        seen = []
        for index, (inputs, batch_labels, batch_weights) in enumerate(whole_epoch(batches, epoch)):
            ids, mask = inputs["token_ids"], inputs["padding_mask"]
            assert ids.shape == mask.shape and ids.shape in batches.shapes
            assert (ids.dtype, mask.dtype) == (np.int32, bool)
            assert (batch_labels.dtype, batch_weights.dtype) == (np.int32, np.float32)
            assert batch_labels.shape == batch_weights.shape == (8,)
            chosen = batches.rows(epoch, index)
            seen.extend(chosen)
            for slot in range(8):
                row = chosen[slot % len(chosen)]
                length = len(token_ids[row])
                np.testing.assert_array_equal(ids[slot, :length], token_ids[row])
                assert not ids[slot, length:].any()
                assert mask[slot].tolist() == [True] * length + [False] * (ids.shape[1] - length)
                assert batch_labels[slot] == labels[row]
                weight = weights[row] * slots / rows if slot < len(chosen) else 0.0
                np.testing.assert_allclose(batch_weights[slot], weight, rtol=1e-6)
        assert sorted(seen) == list(range(rows))


@pytest.mark.parametrize("rows", SIZES)
def test_one_batch_is_short_at_most(rows):
    batches = make_batches(rows)
    for epoch in range(3):
        sizes = [len(batches.rows(epoch, index)) for index in range(len(batches))]
        assert sorted(sizes)[1:] == [8] * (len(batches) - 1)


def test_ungrouped_batches_are_fair_samples():
    """The mean length varies from batch to batch as it does for random rows, not as for sorted."""
    token_ids, _, _ = make_rows(480)
    lengths = np.array([len(ids) for ids in token_ids])

    def spread(**options) -> float:
        batches = make_batches(480, **options)
        return np.std([lengths[batches.rows(e, i)].mean() for e in range(4) for i in range(60)])

    random = lengths.std() / np.sqrt(8)
    assert 0.8 * random < spread(group_by_length=False) < 1.2 * random
    assert spread(group_by_length=True) > 2 * random


def test_ungrouped_batches_keep_to_a_few_shapes():
    batches = make_batches(200, group_by_length=False, bucket_count=3)
    seen = {batches.batch(e, i)[0]["token_ids"].shape for e in range(9) for i in range(25)}
    assert seen <= set(batches.shapes) and len(batches.shapes) <= 3


@pytest.mark.parametrize(("rows", "grouped"), [(8 * 63, False), (8 * 64, True)])
def test_small_data_is_not_grouped_by_default(rows, grouped):
    default = make_batches(rows, group_by_length=None)
    chosen = make_batches(rows, group_by_length=grouped)
    assert all((default.rows(0, i) == chosen.rows(0, i)).all() for i in range(len(chosen)))


def test_a_full_epoch_has_weights_of_one():
    for _, _, weights in whole_epoch(make_batches(64), 0):
        np.testing.assert_array_equal(weights, 1.0)


def test_mean_over_slots_is_the_mean_over_rows():
    _, _, weights = make_rows(45)
    batches = make_batches(45, sample_weight=weights)
    slots = np.concatenate([batch[2] for batch in whole_epoch(batches, 0)])
    np.testing.assert_allclose(slots.mean(), weights.mean(), rtol=1e-6)


def test_epochs_have_orders_of_their_own():
    batches = make_batches(200)

    def order(epoch: int, seed: int = 3) -> list[int]:
        other = make_batches(200, seed=seed)
        return np.concatenate([other.rows(epoch, i) for i in range(len(other))]).tolist()

    orders = [order(epoch) for epoch in range(4)]
    assert all(a != b for a, b in itertools.combinations(orders, 2))
    assert order(2) == orders[2] != order(2, seed=4)
    # The order of asking does not matter.
    for epoch in (3, 0, 3, 1):
        rows = np.concatenate([batches.rows(epoch, i) for i in reversed(range(len(batches)))])
        assert sorted(rows) == sorted(orders[epoch])
        assert batches.rows(epoch, 0).tolist() == orders[epoch][: len(batches.rows(epoch, 0))]


def test_rows_meet_different_rows():
    batches = make_batches(200)
    partners: set[int] = set()
    for epoch in range(30):
        for index in range(len(batches)):
            rows = batches.rows(epoch, index)
            if 0 in rows:
                partners |= set(rows.tolist())
    assert len(partners) > 40  # the bucket of row 0 has about 50 rows


def test_lengths_do_not_come_in_order():
    batches = make_batches(200)
    lengths = [batch[0]["token_ids"].shape[1] for batch in whole_epoch(batches, 0)]
    assert lengths != sorted(lengths)
    assert len({tuple(b[0]["token_ids"].shape) for b in whole_epoch(batches, 0)}) == 4


def test_shapes_and_padding_stay_the_same():
    batches = make_batches(45)
    token_ids, _, _ = make_rows(45)
    for epoch in range(5):
        shapes = [batch[0]["token_ids"].shape for batch in whole_epoch(batches, epoch)]
        assert set(shapes) == set(batches.shapes)
        real = sum(map(len, token_ids))
        share = 1 - real / sum(rows * length for rows, length in shapes)
        assert batches.padding_share == pytest.approx(share)
    assert batches.bucket_lengths == sorted(batches.bucket_lengths)
    assert all(length % 8 == 0 for length in batches.bucket_lengths)


def test_buckets_save_padding():
    shares = [make_batches(200, bucket_count=count).padding_share for count in (1, 2, 4, 8)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.4 and shares[2] < 0.25


def test_the_choice_of_lengths_is_the_best_there_is():
    rng = np.random.default_rng(0)
    for _ in range(50):
        needed = np.sort(rng.choice(np.arange(8, 80, 8), size=rng.integers(1, 12)))
        for count in (1, 2, 3, 4):
            chosen = _choose_lengths(needed, count)

            def cost(lengths, needed=needed):
                return sum(min(c for c in lengths if c >= n) for n in needed)

            distinct = sorted({int(n) for n in needed})
            every = itertools.chain.from_iterable(
                itertools.combinations(distinct, k) for k in range(1, count + 1)
            )
            assert cost(chosen) == min(cost(c) for c in every if c[-1] == distinct[-1])
            assert len(chosen) <= count and set(chosen) <= set(distinct)


def test_no_bucket_is_longer_than_max_length():
    ids = [np.ones(n, np.int32) for n in (3, 9, 50, 50)]
    options = {"batch_size": 1, "pad_id": 0, "shuffle": False, "seed": 0}
    batches = BucketedBatches(ids, np.zeros(4), max_length=50, **options)
    assert batches.bucket_lengths == [8, 16, 50]
    # ... and none is longer than any row needs.
    batches = BucketedBatches(ids[:2], np.zeros(2), max_length=512, **options)
    assert batches.bucket_lengths == [8, 16]


def test_padding_id():
    batches = BucketedBatches(
        [np.array([5, 6])], None, batch_size=2, pad_id=9, max_length=8, shuffle=False, seed=0
    )
    ids = batches.batch(0, 0)[0]["token_ids"]
    assert ids.tolist() == [[5, 6, 9, 9, 9, 9, 9, 9]] * 2


@pytest.mark.parametrize("rows", SIZES)
def test_unsort_puts_outputs_back(rows):
    token_ids, _, _ = make_rows(rows)
    batches = BucketedBatches(
        token_ids, None, batch_size=8, pad_id=0, max_length=40, shuffle=False, seed=0
    )
    outputs = []
    for (inputs,) in batches:
        outputs.append(np.stack([inputs["token_ids"].sum(1), inputs["padding_mask"].sum(1)], 1))
    result = batches.unsort(np.concatenate(outputs))
    assert result.tolist() == [[int(ids.sum()), len(ids)] for ids in token_ids]


def test_balanced_weights():
    labels = np.array([0, 0, 0, 0, 1, 1, 3])
    weights = balanced_weights(labels)
    np.testing.assert_allclose(weights.mean(), 1.0, rtol=1e-6)
    per_class = [weights[labels == i].sum() for i in (0, 1, 3)]
    np.testing.assert_allclose(per_class, 7 / 3, rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": -3}, "batch_size is -3"),
        ({"max_length": 0}, "max_length is 0"),
        ({"bucket_count": 0}, "bucket_count is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_sizes(options, message):
    with pytest.raises(ConfigError, match=message):
        make_batches(10, **options)


def test_rows_that_do_not_fit():
    options = {"batch_size": 2, "pad_id": 0, "max_length": 4, "shuffle": False, "seed": 0}
    one = np.ones(1, np.int32)
    for ids, labels, weights, message in (
        ([], [], None, "no rows"),
        ([one, np.ones(5, np.int32)], [0, 0], None, "row 1 has 5 tokens, more than max_length"),
        ([one, one[:0]], [0, 0], None, "row 1 has no tokens"),
        ([one, one], [0], None, r"labels has the shape \(1,\), but there are 2 rows"),
        ([one, one], [0, 1], [1.0], "sample_weight has the shape"),
        ([one, one], [0, 1], [1.0, -1.0], "sample_weight of row 1 is -1"),
        ([one, one], [0, 1], [np.nan, 1.0], "sample_weight of row 0 is nan"),
    ):
        with pytest.raises(DataError, match=message):
            BucketedBatches(ids, np.array(labels), sample_weight=weights, **options)


def test_shuffling_and_prediction_exclude_each_other():
    with pytest.raises(ConfigError, match="without labels"):
        make_rows(4)
        BucketedBatches(
            [np.ones(2)], None, batch_size=1, pad_id=0, max_length=4, shuffle=True, seed=0
        )
    with pytest.raises(ConfigError, match="shuffled"):
        make_batches(4).unsort(np.zeros((8, 2)))
